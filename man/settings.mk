dist_man_MANS += man/pgsignet.yaml.5
EXTRA_DIST += docs/configuration.md docs/audit.md
