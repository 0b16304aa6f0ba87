# pgsignet-ca: names and DER, requests, keys and certificates, the ledger, the program; and what talks to networks.
include pki/names.mk
include pki/request.mk
include pki/keys.mk
include pki/ledger.mk
include pki/program.mk
include pki/online.mk
