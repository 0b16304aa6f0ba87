# man
dist_man_MANS += man/pgsignetd.8
