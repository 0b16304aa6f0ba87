#!/bin/sh
# Proves that algorithms are fetched from OpenSSL in common/crypto.c and nowhere else in what verifies logins.
cd "${srcdir:-.}" || exit 1
# pki/ is the CA's program, which has keys and rules of its own.
found=$(grep -nE 'EVP_(aes|sha|md)[0-9]|EVP_[A-Z]+_fetch|RAND_(priv_)?bytes|PKCS5_PBKDF2|[^_A-Z]HMAC\(|SHA(1|256|512)\(|EVP_get_(digest|cipher)by' \
    common/*.c mfa/*.c authd/*.c 2>/dev/null |
    grep -v '^common/crypto\.c:' | grep -vE '^[^:]*:[0-9]+: *(/\*|\*)')
[ -z "$found" ] || {
    echo "these must go through common/crypto.h:"
    echo "$found"
    exit 1
}
# ... and the pattern sees what it is to see.
[ "$(grep -cE 'EVP_[A-Z]+_fetch|RAND_(priv_)?bytes' common/crypto.c)" -ge 7 ]
