# Import and export of tokens: readers and writers, which know no store.
libmfacli_la_SOURCES += \
	mfa/csv.c mfa/csv.h \
	mfa/transfer.c mfa/transfer.h \
	mfa/transfer_csv.c \
	mfa/transfer_google.c \
	mfa/transfer_oath.c \
	mfa/transfer_otpauth.c \
	mfa/transfer_pskc.c mfa/transfer_pskc.h \
	mfa/transfer_pskc_crypt.c \
	mfa/transfer_text.c \
	mfa/transfer_write.c mfa/transfer_write.h \
	mfa/transfer_xml.c mfa/transfer_xml.h
libmfacli_la_CFLAGS += $(CRYPTO_CFLAGS) $(XML_CFLAGS)
libmfacli_la_LIBADD += libcommon.la $(CRYPTO_LIBS) $(XML_LIBS)
pgsignet_mfa_SOURCES += \
	mfa/cmd_export.c mfa/cmd_import.c \
	mfa/transfer_file.c mfa/transfer_file.h
