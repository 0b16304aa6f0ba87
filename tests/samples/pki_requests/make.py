#!/usr/bin/env python3
"""Writes the requests of tests/fuzz/corpus/pki_request and their list, the same ones each time.

Usage: make.py DIR LIST    (a line of LIST: file, server or client, what the refusal says or "-")

Each hostile one is right in all but one thing: keys, signatures and form by keys.py, by the book.
"""
import base64
import sys
import unicodedata

from keys import (DIGESTS, K256, NULL, P192, P224, P256, P384, P521, Ec, Edwards, Rsa, bits, integer, next_prime,
                  oid, prime, rng, roca_prime, seq, tlv)

CN, EMAIL, EXTENSIONS = "2.5.4.3", "1.2.840.113549.1.9.1", "1.2.840.113549.1.9.14"
MS_EXTENSIONS, CHALLENGE = "1.3.6.1.4.1.311.2.1.14", "1.2.840.113549.1.9.7"
BC, KU, EKU, SAN, SKI = "2.5.29.19", "2.5.29.15", "2.5.29.37", "2.5.29.17", "2.5.29.14"
SERVER_AUTH, CLIENT_AUTH = "1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2"

KEY = Ec(P256, rng("key").randrange(P256.n))
OTHER = Ec(P256, rng("other").randrange(P256.n))


def utf8(text):
    return tlv(0x0C, text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass"))


def rdn(kind, value):
    return tlv(0x31, seq(oid(kind), value if isinstance(value, bytes) else utf8(value)))


def named(cn):
    return rdn(CN, utf8(cn))


def extension(kind, value, critical=None):
    flag = b"" if critical is None else tlv(1, b"\xff" if critical else b"\0")
    return seq(oid(kind), flag, tlv(4, value))


def attribute(kind, *values):
    return seq(oid(kind), tlv(0x31, *values))


def wanted(*extensions):
    return [attribute(EXTENSIONS, seq(*extensions))]


def dns(name):
    return tlv(0x82, name if isinstance(name, bytes) else name.encode())


def sans(*names, critical=None):
    return extension(SAN, seq(*names), critical)


def info(subject, spki, attributes, version=integer(0)):
    return seq(version, seq(*subject), spki, tlv(0xA0, *attributes))


def request(subject=None, attributes=(), key=KEY, signer=None, tbs=None, signature=None, **how):
    subject = [named("db1")] if subject is None else subject
    tbs = tbs or info(subject, key if isinstance(key, bytes) else key.spki(), attributes)
    algorithm, octets = (signer or key).sign(tbs, **how)
    return seq(tbs, *(signature or (algorithm, bits(octets))))


def client(**how):
    return request(**{"subject": [named("app")], **how})


def pem(der, label="CERTIFICATE REQUEST", end="\n"):
    text = base64.b64encode(der).decode()
    lines = [text[i:i + 64] for i in range(0, len(text), 64)]
    return end.join([f"-----BEGIN {label}-----", *lines, f"-----END {label}-----", ""]).encode()


cases = []


def add(name, use, phrase, content):
    cases.append((name, use, phrase, content))


def good(name, content, use="server"):
    add("good-" + name, use, "-", content)


def bad(name, phrase, content, use="server"):
    add("bad-" + name, use, phrase, content)


def extended(name, phrase, *extensions, use="server"):
    bad(name, phrase, (client if use == "client" else request)(attributes=wanted(*extensions)), use)


# --- good ones -------------------------------------------------------------------------------------

names = sans(dns("db1.example.com"), dns("*.pg.example.com"), tlv(0x87, b"\xc0\0\2\7"),
             tlv(0x87, bytes.fromhex("20010db8000000000000000000000001")))
usages = [extension(BC, seq()), extension(KU, tlv(3, b"\5\xa0"), True),
          extension(EKU, seq(oid(SERVER_AUTH), oid(CLIENT_AUTH)))]
whole = request(attributes=wanted(names, *usages, extension(SKI, tlv(4, b"k" * 20))))
good("server", whole)
good("pem", pem(whole))
good("pem-crlf", pem(whole, end="\r\n"))
good("pem-text-before", b"Certificate Request:\n    Data: 0\n" + pem(whole))
good("pem-new", pem(whole, "NEW CERTIFICATE REQUEST"))
good("bare", request())
good("no-subject", request(subject=[], attributes=wanted(sans(dns("db1")))))
good("subject", request(subject=[rdn("2.5.4.6", tlv(0x13, b"CH")), rdn("2.5.4.10", "Zürich AG"), named("db1"),
                                 rdn(EMAIL, tlv(0x16, b"a@example.com"))]))
good("client", client(attributes=wanted(extension(EKU, seq(oid(CLIENT_AUTH))), sans(tlv(0x86, b"urn:pgrole:app")))),
     "client")
good("client-umlaut", client(subject=[named("jürgen")]), "client")
good("client-blank-inside", client(subject=[named("app user")]), "client")
good("printable", client(subject=[rdn(CN, tlv(0x13, b"app"))]), "client")
good("p384", request(key=Ec(P384, rng("p384").randrange(P384.n)), digest="sha384"))
good("p521", request(key=Ec(P521, rng("p521").randrange(P521.n)), digest="sha512"))
good("ed25519", request(key=Edwards(b"seed")))
r = rng("rsa")
p1024, q1024 = prime(1024, r), prime(1024, r)
RSA = Rsa.of(p1024, q1024)
good("rsa2048", request(key=RSA))
good("rsa3072", request(key=Rsa.of(prime(1536, r), prime(1536, r)), digest="sha512"))
good("challenge", request(attributes=sorted([attribute(CHALLENGE, utf8("secret")), *wanted(names)])))
good("unknown-not-critical", request(attributes=wanted(extension("1.2.3.4", NULL), names)))
good("microsoft", request(attributes=sorted([
    attribute("1.3.6.1.4.1.311.13.2.3", tlv(0x16, b"10.0.17763.2")), attribute(MS_EXTENSIONS, seq(names))])))

# --- what the CA says alone ------------------------------------------------------------------------

extended("ca-true", "asks to be a CA", extension(BC, seq(tlv(1, b"\xff")), True))
extended("ca-true-not-critical", "asks to be a CA", extension(BC, seq(tlv(1, b"\xff"))))
extended("ca-true-path-length", "asks to be a CA", extension(BC, seq(tlv(1, b"\xff"), integer(3)), True))
extended("ca-true-client", "asks to be a CA", extension(BC, seq(tlv(1, b"\xff")), True), use="client")
extended("ca-true-ber", "a BOOLEAN that is neither", extension(BC, seq(tlv(1, b"\1")), True))
extended("ca-boolean-empty", "a BOOLEAN that is neither", extension(BC, seq(tlv(1)), True))
extended("path-length", "path length", extension(BC, seq(integer(0)), True))
extended("ca-behind", "basicConstraints are malformed", extension(BC, seq() + seq(tlv(1, b"\xff"))))
bad("ca-true-microsoft", "asks to be a CA",
    request(attributes=[attribute(MS_EXTENSIONS, seq(extension(BC, seq(tlv(1, b"\xff")), True)))]))
extended("sign-certificates", "keyUsage keyCertSign", extension(KU, tlv(3, b"\2\x84"), True))
extended("sign-crls", "keyUsage cRLSign", extension(KU, tlv(3, b"\1\x82"), True))
extended("usage-decipher-only", "keyUsage decipherOnly", extension(KU, tlv(3, b"\7\x88\x80"), True))
extended("usage-zeroes", "keyUsage is malformed", extension(KU, tlv(3, b"\0\x80"), True))
extended("usage-empty", "keyUsage is malformed", extension(KU, tlv(3, b"\0"), True))
for word, use in (("code-signing", "1.3.6.1.5.5.7.3.3"), ("email", "1.3.6.1.5.5.7.3.4"),
                  ("time", "1.3.6.1.5.5.7.3.8"), ("ocsp", "1.3.6.1.5.5.7.3.9"), ("any", "2.5.29.37.0"),
                  ("smart-card", "1.3.6.1.4.1.311.20.2.2")):
    extended("eku-" + word, "extendedKeyUsage that is not given here, " + use,
             extension(EKU, seq(oid(SERVER_AUTH), oid(use))))
extended("eku-server-for-client", "extendedKeyUsage serverAuth", extension(EKU, seq(oid(SERVER_AUTH))), use="client")
extended("eku-both-for-client", "extendedKeyUsage serverAuth",
         extension(EKU, seq(oid(CLIENT_AUTH), oid(SERVER_AUTH))), use="client")
extended("eku-twice", "names one use twice", extension(EKU, seq(oid(SERVER_AUTH), oid(SERVER_AUTH))))
extended("eku-empty", "extendedKeyUsage is malformed", extension(EKU, seq()))
for word, kind in (("nameConstraints", "2.5.29.30"), ("cRLDistributionPoints", "2.5.29.31"),
                   ("certificatePolicies", "2.5.29.32"), ("policyConstraints", "2.5.29.36"),
                   ("authorityKeyIdentifier", "2.5.29.35"), ("issuerAltName", "2.5.29.18"),
                   ("authorityInfoAccess", "1.3.6.1.5.5.7.1.1"), ("proxyCertInfo", "1.3.6.1.5.5.7.1.14"),
                   ("netscapeCertType", "2.16.840.1.113730.1.1")):
    extended(word, "asks for " + word, extension(kind, seq()))
extended("ct-poison", "asks for CT's poison", extension("1.3.6.1.4.1.11129.2.4.3", NULL, True))
extended("unknown-critical", "a critical extension that is not known here, 1.2.3.4", extension("1.2.3.4", NULL, True))
extended("critical-false", "says that it is not critical", extension("1.2.3.4", NULL, False))
extended("twice-constraints", "2.5.29.19 twice", extension(BC, seq()), extension(BC, seq(tlv(1, b"\xff"))))
extended("twice-names", "2.5.29.17 twice", sans(dns("db1")), sans(dns("boss")))
extended("twice-usage", "2.5.29.37 twice", extension(EKU, seq(oid(SERVER_AUTH))), extension(EKU, seq(oid(CLIENT_AUTH))))
extended("twice-unknown", "1.2.3.4 twice", extension("1.2.3.4", NULL), extension("1.2.3.4", seq()))
bad("twice-attribute", "attribute 1.2.840.113549.1.9.14 twice",
    request(attributes=sorted(wanted(sans(dns("db1"))) + wanted(sans(dns("boss"))))))
bad("twice-challenge", "attribute 1.2.840.113549.1.9.7 twice",
    request(attributes=sorted([attribute(CHALLENGE, utf8("a")), attribute(CHALLENGE, utf8("b"))])))
bad("two-lists", "two lists of extensions",
    request(attributes=[attribute(EXTENSIONS, *sorted([seq(sans(dns("db1"))), seq(sans(dns("dbx")))]))]))
bad("two-lists-microsoft", "two lists of extensions",
    request(attributes=sorted([*wanted(names), attribute(MS_EXTENSIONS, seq(names))])))
bad("attributes-not-sorted", "a SET whose elements do not ascend",
    request(subject=[tlv(0x31, *sorted([seq(oid(CN), utf8("db1")), seq(oid("2.5.4.11"), utf8("x"))], reverse=True))]))
bad("attribute-empty", "an attribute is malformed", request(attributes=[attribute(CHALLENGE)]))
bad("extensions-empty", "list of extensions is malformed", request(attributes=[attribute(EXTENSIONS, seq())]))
bad("many-attributes", "more than 16 attributes",
    request(attributes=sorted(attribute("1.2.3.%d" % i, NULL) for i in range(1, 40))))
extended("many-extensions", "more than 32 extensions", *[extension("1.2.3.%d" % i, NULL) for i in range(1, 60)])

# --- alternative names -----------------------------------------------------------------------------

for word, name, phrase in (
        ("email", tlv(0x81, b"a@example.com"), "holds an e-mail address"),
        ("other", tlv(0xA0, oid("1.3.6.1.4.1.311.20.2.3"), tlv(0xA0, utf8("boss@corp"))), "holds an otherName"),
        ("directory", tlv(0xA4, seq(named("boss"))), "holds a directory name"),
        ("uri", tlv(0x86, b"urn:pgrole:boss"), "holds a URI"),
        ("registered", tlv(0x88, b"\x2a\3\4"), "holds a registered OID"),
        ("nul", dns(b"db1\0.example.com"), "has NUL"), ("blank", dns("db 1"), "has NUL, a blank"),
        ("utf8", dns("bücher.example"), "more than ASCII"), ("underscore", dns("db_1"), 'holds "_"'),
        ("star", dns("*"), "subjectAltName"), ("star-inside", dns("db*.example.com"), 'holds "*"'),
        ("empty", dns(""), "is empty"), ("label", dns("a" * 64), "63 bytes"), ("long", dns("a.b" * 90), "253 bytes"),
        ("address-as-host", dns("192.0.2.7"), "subjectAltName"), ("dots", dns("db1..example.com"), "an empty label"),
        ("address-5", tlv(0x87, b"\xc0\0\2\7\1"), "has 5 octets"), ("address-0", tlv(0x87), "has 0 octets"),
        ("address-mask", tlv(0x87, b"\xc0\0\2\0\xff\xff\xff\0"), "has 8 octets"),
        ("constructed", tlv(0xA2, tlv(0x16, b"db1")), "subjectAltName is malformed"),
        ("universal", tlv(0x16, b"db1"), "subjectAltName is malformed")):
    extended("san-" + word, phrase, sans(name))
extended("san-none", "subjectAltName is malformed", sans())
extended("san-twice", "is there twice", sans(dns("db1"), dns("DB1")))
extended("san-many", "more than 100 names", sans(*[dns("h%d.example.com" % i) for i in range(101)]))
extended("san-host-for-client", "holds a host name", sans(dns("boss")), use="client")
extended("san-address-for-client", "holds an IP address", sans(tlv(0x87, b"\xc0\0\2\7")), use="client")
extended("san-email-for-client", "holds an e-mail address", sans(tlv(0x81, b"a@example.com")), use="client")
extended("san-role-of-another", "is not the urn:pgrole: of its CN", sans(tlv(0x86, b"urn:pgrole:boss")), use="client")
extended("san-two-roles", "is not the urn:pgrole: of its CN",
         sans(tlv(0x86, b"urn:pgrole:app"), tlv(0x86, b"urn:pgrole:boss")), use="client")

# --- names -----------------------------------------------------------------------------------------

for word, cn, phrase in (
        ("newline", "app\nboss", "control character"), ("escape", "app\x1b[2J", "control character"),
        ("delete", "app\x7f", "control character"), ("c1", "app\x85", "control character"),
        ("right-to-left", "app\u202eppa", "not seen"), ("isolate", "app\u2066", "not seen"),
        ("zero-width", "ap\u200bp", "not seen"), ("joiner", "ap\u200dp", "not seen"),
        ("byte-order", "\ufeffapp", "not seen"), ("soft-hyphen", "ap\u00adp", "not seen"),
        ("line-separator", "app\u2028", "not seen"), ("filler", "app\u3164", "not seen"),
        ("unassigned", "app\u0378", "not assigned"), ("private", "app\ue000", "not assigned"),
        ("nul", "app\0.boss", "holds NUL"), ("nul-end", "app\0", "holds NUL"),
        ("not-utf8", b"app\xff", "not valid UTF-8"), ("latin1", b"j\xfcrgen", "not valid UTF-8"),
        ("overlong", b"app\xc0\xaf", "not valid UTF-8"), ("surrogate", "app\ud800", "not valid UTF-8"),
        ("cut", b"app\xe2\x80", "not valid UTF-8"), ("64", "a" * 64, "longer than 63 bytes"),
        ("64-of-utf8", "ä" * 32, "longer than 63 bytes"), ("10000", "a" * 10000, "too long"),
        ("blank-first", " app", "begins with a blank"), ("blank-last", "app ", "ends with a blank"),
        ("wide-blank", "app\u3000", "ends with a blank"), ("empty", "", "is empty"),
        ("star", "*", 'holds "*"'), ("wildcard", "*.corp.local", 'holds "*"'), ("slash", "../boss", "of its subject"),
        ("dots", "..", "of its subject"), ("decomposed", unicodedata.normalize("NFD", "jürgen"), "normal form C"),
        ("mark-first", "\u0301app", "begins with a mark")):
    bad("cn-" + word, phrase, client(subject=[named(cn)]), "client")
bad("cn-slash-server", "of its subject", request(subject=[named("../db1")]))
bad("cn-star-inside-server", "of its subject", request(subject=[named("db*.example.com")]))
bad("cn-two", "several CNs", client(subject=[named("app"), named("boss")]), "client")
bad("cn-two-alike", "several CNs", client(subject=[named("app"), named("app")]), "client")
bad("cn-two-in-one", "has several values",
    client(subject=[tlv(0x31, *sorted([seq(oid(CN), utf8("app")), seq(oid(CN), utf8("bos"))]))]), "client")
for word, tag, octets, phrase in (
        ("bmp", 0x1E, "app".encode("utf-16-be"), "neither a UTF8String"), ("t61", 0x14, b"app", "neither a UTF8String"),
        ("universal", 0x1C, "app".encode("utf-32-be"), "neither a UTF8String"),
        ("ia5", 0x16, b"app", "is an IA5String"), ("octets", 4, b"app", "neither a UTF8String"),
        ("printable-at", 0x13, b"app@corp", "PrintableString with"), ("printable-nul", 0x13, b"app\0", "PrintableString with"),
        ("pieces", 0x2C, utf8("app"), "a string in pieces")):
    bad("cn-" + word, phrase, client(subject=[rdn(CN, tlv(tag, octets))]), "client")
bad("ou-right-to-left", "not seen", client(subject=[rdn("2.5.4.11", "a\u202eb"), named("app")]), "client")
bad("o-long", "too long", client(subject=[rdn("2.5.4.10", "a" * 65), named("app")]), "client")
bad("c-long", "too long", client(subject=[rdn("2.5.4.6", tlv(0x13, b"CHE")), named("app")]), "client")
bad("rdn-empty", "subject is malformed", client(subject=[tlv(0x31), named("app")]), "client")

# --- keys ------------------------------------------------------------------------------------------


def keyed(name, phrase, key, signer=None, **how):
    bad("key-" + name, phrase, request(key=key, signer=signer, **how))


r = rng("weak rsa")
keyed("rsa512", "less than 2048", Rsa.of(prime(256, r), prime(256, r)))
keyed("rsa1024", "less than 2048", Rsa.of(prime(512, r), prime(512, r)))
keyed("rsa2046", "less than 2048", Rsa.of(prime(1023, r), prime(1023, r)))
keyed("rsa8200", "more than 8192", Rsa(rng("big").getrandbits(8200) | 1 << 8199 | 1, 65537, 65537), KEY)
keyed("rsa-e1", "exponent below 65537", Rsa(RSA.n, 1, 1))
p3, q3 = prime(1024, r, 3), prime(1024, r, 3)
keyed("rsa-e3", "exponent below 65537", Rsa.of(p3, q3, 3))
keyed("rsa-e17", "exponent below 65537", Rsa.of(prime(1024, r, 17), prime(1024, r, 17), 17))
keyed("rsa-even", "even exponent", Rsa(RSA.n, 65536, 1))
keyed("rsa-e0", "even exponent", Rsa(RSA.n, 0, 1))
keyed("rsa-e-65539", "exponent other than 65537", Rsa.of(p1024, q1024, 65539))
keyed("rsa-e-long", "exponent other than 65537", Rsa.of(p1024, q1024, 2**64 + 13))
keyed("rsa-even-modulus", "small number divides", Rsa(RSA.n * 2, 65537, 1), KEY)
keyed("rsa-small-factor", "small number divides", Rsa(65521 * prime(2040, r), 65537, 1), KEY)
keyed("rsa-prime-modulus", "is a prime itself", Rsa(prime(2048, r), 65537, 1), KEY)
keyed("rsa-negative", "not two positive numbers", Rsa(-RSA.n, 65537, 1), KEY)
keyed("rsa-roca", "ROCA", Rsa.of(roca_prime(1024, r), roca_prime(1024, r)))
keyed("rsa-fermat", "too close", Rsa.of(p1024, next_prime(p1024 + 2**100, r)))
keyed("rsa-fermat-far", "too close", Rsa.of(p1024, next_prime(p1024 + 2**516, r)))
keyed("rsa-square", "too close", Rsa.of(p1024, p1024))
keyed("rsa-no-null", "parameters that are not NULL", Rsa(RSA.n, RSA.e, RSA.d, b""))
keyed("rsa-pss", "RSASSA-PSS alone", seq(seq(oid("1.2.840.113549.1.1.10")), bits(seq(integer(RSA.n), integer(RSA.e)))), RSA)
keyed("rsa-behind", "not two positive numbers",
      seq(seq(oid("1.2.840.113549.1.1.1"), NULL), bits(seq(integer(RSA.n), integer(RSA.e)) + NULL)), RSA)
for word, curve in (("p192", P192), ("p224", P224), ("secp256k1", K256)):
    keyed(word, "a curve that is not taken", Ec(curve, rng(word).randrange(curve.n)))
keyed("explicit", "a curve of its own", Ec(P256, KEY.d, P256.explicit()))
evil = KEY.q  # CVE-2020-0601: with the victim's point as generator the private key is 1
keyed("explicit-generator", "a curve of its own", Ec(P256, 1, P256.explicit(evil), generator=evil))
keyed("implicit", "does not name its curve", Ec(P256, KEY.d, NULL))
keyed("curve-missing", "does not name its curve", Ec(P256, KEY.d, b""))
keyed("off-curve", "not on its curve", Ec(P256, KEY.d, point=(KEY.q[0], (KEY.q[1] + 1) % P256.p)))
keyed("off-curve-zero", "not on its curve", Ec(P256, KEY.d, point=(0, 0)))
keyed("off-field", "not on its curve", Ec(P256, KEY.d, point=(5 + P256.p, KEY.q[1])))
keyed("compressed", "uncompressed point", Ec(P256, KEY.d, form=2))
keyed("hybrid", "uncompressed point", Ec(P256, KEY.d, form=6))
keyed("infinity", "uncompressed point", seq(seq(oid("1.2.840.10045.2.1"), oid(P256.name)), bits(b"\0")), KEY)
keyed("point-short", "wrong length", seq(seq(oid("1.2.840.10045.2.1"), oid(P256.name)), bits(KEY.point()[:-1])), KEY)
keyed("point-other-curve", "wrong length", seq(seq(oid("1.2.840.10045.2.1"), oid(P384.name)), bits(KEY.point())), KEY)
weak = Edwards(b"seed")
weak.key = b"\1" + bytes(31)
keyed("ed25519-neutral", "small order", weak)
for word, y in (("zero", bytes(32)), ("order-8", bytes.fromhex(
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa")), ("too-large", b"\xee" + b"\xff" * 31)):
    keyed("ed25519-" + word, "small order", seq(seq(oid("1.3.101.112")), bits(y)), weak)
keyed("ed25519-short", "32 octets", seq(seq(oid("1.3.101.112")), bits(weak.key[1:])), weak)
keyed("ed25519-null", "parameters, which Ed25519", seq(seq(oid("1.3.101.112"), NULL), bits(Edwards(b"seed").key)), weak)
for word, kind in (("x25519", "1.3.101.110"), ("ed448", "1.3.101.113"), ("dsa", "1.2.840.10040.4.1"),
                   ("ecdh", "1.3.132.1.12"), ("dh", "1.2.840.113549.1.3.1")):
    keyed(word, "an algorithm that is not taken", seq(seq(oid(kind)), bits(b"k" * 57)), KEY)
keyed("unused-bits", "key is malformed", seq(seq(oid("1.2.840.10045.2.1"), oid(P256.name)), bits(KEY.point()[:-1] + b"\0", 3)), KEY)

# --- signatures ------------------------------------------------------------------------------------

bad("md5", "signed by md5WithRSA, a broken digest", request(key=RSA, digest="md5"))
bad("sha1", "signed by sha1WithRSA, a broken digest", request(key=RSA, digest="sha1"))
bad("sha1-ecdsa", "signed by ecdsa-with-SHA1, a broken digest", request(digest="sha1"))
bad("sha224", "signed by an algorithm that is not taken", request(digest="sha224"))
tbs = info([named("db1")], KEY.spki(), [])
ecdsa, octets = KEY.sign(tbs)
proof = "was not made by its key"
bad("signature-changed", proof, seq(tbs, ecdsa, bits(octets[:-1] + bytes([octets[-1] ^ 1]))))
bad("signature-of-other", proof, request(signer=OTHER))
bad("signature-of-other-name", proof, seq(info([named("boss")], KEY.spki(), []), ecdsa, bits(octets)))
bad("key-swapped", proof, seq(info([named("db1")], OTHER.spki(), []), ecdsa, bits(octets)))
bad("signature-empty", proof, seq(tbs, ecdsa, bits(b"")))
bad("signature-zeroes", proof, seq(tbs, ecdsa, bits(seq(integer(0), integer(0)))))
bad("signature-ber", proof, seq(tbs, ecdsa, bits(octets + b"\0")))
bad("signature-unused-bits", "signature is not one BIT STRING",
    seq(tbs, ecdsa, bits(octets[:-1] + bytes([octets[-1] & 0xF0]), 4)))
bad("signature-of-rsa", "which its key cannot do", seq(tbs, seq(oid(DIGESTS["sha256"][1]), NULL), bits(octets)))
bad("signature-parameters", "has parameters that", seq(tbs, seq(oid(DIGESTS["sha256"][2]), NULL), bits(octets)))
bad("signature-none", "signature names no algorithm", seq(tbs, seq(), bits(octets)))

# --- form ------------------------------------------------------------------------------------------

text = pem(whole)
bad("empty", "is empty", b"")
bad("text", "neither PEM nor DER", b"this is no request\n")
bad("trailing", "octets trail behind", whole + b"\0\0")
bad("trailing-text", "octets trail behind", whole + b"\n# nothing\n")
bad("two", "two requests", whole + client())
bad("two-pem", "two requests", text + pem(client()))
bad("pem-behind-der", "octets trail behind", whole + text)
bad("pem-and-key", "two requests, or other things", text + pem(b"0\0", "PRIVATE KEY"))
bad("pem-trailing", "behind its END line", text + b"boss\n")
bad("pem-key", "holds a private key", pem(b"0\0", "EC PRIVATE KEY"))
bad("pem-certificate", 'holds "CERTIFICATE"', pem(whole, "CERTIFICATE"))
bad("pem-end", "END line does not fit", text.replace(b"END CERT", b"END NEW CERT"))
bad("pem-cut", "END line is missing", text[:200])
bad("pem-headers", "is not base64", text.replace(b"REQUEST-----\n", b"REQUEST-----\nProc-Type: 4,ENCRYPTED\n\n", 1))
bad("pem-garbage", "is not base64", text[:100] + b"!" + text[101:])
bad("pem-short", "base64 is cut short", pem(whole[:300]).replace(b"=", b"")[:-40] + b"\n-----END CERTIFICATE REQUEST-----\n")
bad("pem-padding", "is not base64", b"-----BEGIN CERTIFICATE REQUEST-----\nMB==\n-----END CERTIFICATE REQUEST-----\n")
bad("pem-trailing-der", "octets trail behind", pem(whole + b"\0"))
bad("pem-two-inside", "two requests", pem(whole + client()))
bad("cut", "was cut short", whole[:-1])
bad("indefinite", "not DER", b"\x30\x80" + whole[4:] + b"\0\0")
inner = info([named("db1")], KEY.spki(), [])
bad("indefinite-inside", "not DER", seq(b"\x30\x80" + inner[3:] + b"\0\0", ecdsa, bits(octets)))
bad("length-padded", "not DER", b"\x30\x83\0" + whole[2:])
bad("length-padded-inside", "not DER", request(tbs=seq(integer(0), b"\x30\x81\x0e" + named("db1"), KEY.spki(), tlv(0xA0))))
bad("integer-padded", "INTEGER that is longer", request(tbs=info([named("db1")], KEY.spki(), [], tlv(2, b"\0\0"))))
bad("version-2", "version is not v1", request(tbs=info([named("db1")], KEY.spki(), [], integer(1))))
bad("no-attributes", "attributes are missing", request(tbs=seq(integer(0), seq(named("db1")), KEY.spki())))
bad("more-inside", "something stands behind", request(tbs=info([named("db1")], KEY.spki(), [])[:0] + seq(
    integer(0), seq(named("db1")), KEY.spki(), tlv(0xA0), NULL)))
bad("more-outside", "not one BIT STRING", seq(tbs, ecdsa, bits(octets), NULL))
bad("oid-padded", "OBJECT IDENTIFIER with padding", request(attributes=[seq(tlv(6, b"\x80\x2a\3"), tlv(0x31, NULL))]))
bad("null-long", "NULL with octets", request(attributes=[attribute("1.2.3", tlv(5, b"x"))]))
bad("tag-long", "not DER", request(attributes=[attribute("1.2.3", b"\x1f\x81\1\0")]))
deep = NULL
for _ in range(40):
    deep = seq(deep)
bad("deep", "nested deeper", request(attributes=[attribute("1.2.3", deep)]))
deep = b""
for _ in range(6000):
    deep = seq(deep)
bad("very-deep", "nested deeper", request(attributes=[attribute("1.2.3", deep)]))
bad("deep-in-extension", "nested deeper", request(attributes=wanted(extension(BC, seq(*[seq(seq(seq(seq(seq(
    seq(seq(seq(seq(seq(seq(seq(seq(seq(seq(seq(seq(NULL)))))))))))))))))])))))
bad("certificate", "is it a certificate?", seq(seq(tlv(0xA0, integer(2)), integer(1), *[seq() for _ in range(5)]), ecdsa, bits(octets)))

folder, listing = sys.argv[1:3]
with open(listing, "w", encoding="utf-8") as out:
    for name, use, phrase, content in cases:
        with open(f"{folder}/{name}", "wb") as file:
            file.write(content)
        out.write(f"{name}\t{use}\t{phrase}\n")
assert len({case[0] for case in cases}) == len(cases)
