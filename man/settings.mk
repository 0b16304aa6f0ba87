dist_man_MANS += man/pgsignet.yaml.5
