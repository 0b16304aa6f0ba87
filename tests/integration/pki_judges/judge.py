"""python3-cryptography as a judge: signatures, dates, uses, CRLs; paths where the package has them (42 and later).

Usage: judge.py MANIFEST   (see pki_judges.sh); prints "ok", "not ok" or "skip", the label, and why.
"""
import datetime
import re
import sys

import cryptography
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding

PEM = re.compile(rb"-----BEGIN ([A-Z0-9 ]+)-----.*?-----END \1-----\n", re.S)
USES = {"server": x509.ExtendedKeyUsageOID.SERVER_AUTH, "client": x509.ExtendedKeyUsageOID.CLIENT_AUTH}
NOW = datetime.datetime.utcnow()


def pieces(path, read):
    with open(path, "rb") as file:
        return [read(match.group(0)) for match in PEM.finditer(file.read())]


def check_signature(issuer, signed, text):
    key = issuer.public_key()
    if isinstance(key, ed25519.Ed25519PublicKey):
        key.verify(signed.signature, text)
    elif isinstance(key, ec.EllipticCurvePublicKey):
        key.verify(signed.signature, text, ec.ECDSA(signed.signature_hash_algorithm))
    else:
        key.verify(signed.signature, text, padding.PKCS1v15(), signed.signature_hash_algorithm)


def extension(thing, kind):
    return thing.extensions.get_extension_for_class(kind).value


def build_chain(certificates, roots):
    """From the leaf to a root, by names and signatures."""
    chain = [certificates[0]]
    while chain[-1] not in roots:
        for issuer in roots + certificates[1:]:
            if issuer.subject == chain[-1].issuer and issuer not in chain:
                check_signature(issuer, chain[-1], chain[-1].tbs_certificate_bytes)
                assert extension(issuer, x509.BasicConstraints).ca, "an issuer is no CA"
                assert extension(issuer, x509.KeyUsage).key_cert_sign, "an issuer may not sign"
                chain.append(issuer)
                break
        else:
            raise AssertionError("no issuer was found")
    return chain


def check_crls(chain, crls):
    """True when one of the chain is revoked."""
    revoked = False
    for certificate, issuer in zip(chain, chain[1:] + chain[-1:]):
        crl = next((crl for crl in crls if crl.issuer == issuer.subject), None)
        assert crl is not None, "a CA has no CRL"
        check_signature(issuer, crl, crl.tbs_certlist_bytes)
        assert extension(crl, x509.CRLNumber).crl_number > 0
        assert extension(crl, x509.AuthorityKeyIdentifier).key_identifier
        assert crl.last_update <= NOW < crl.next_update, "a CRL is not of today"
        revoked |= crl.get_revoked_certificate_by_serial_number(certificate.serial_number) is not None
    return revoked


def check_path(certificates, roots, purpose, host):
    """The package's own judge, of the Web PKI's profile, which has no Ed25519."""
    from cryptography.x509 import verification

    builder = verification.PolicyBuilder().store(verification.Store(roots)).time(NOW)
    if purpose == "server":
        builder.build_server_verifier(x509.DNSName(host)).verify(certificates[0], certificates[1:])
    else:
        builder.build_client_verifier().verify(certificates[0], certificates[1:])


def judge(chain_file, root, crl, purpose, host):
    certificates = pieces(chain_file, x509.load_pem_x509_certificate)
    roots = pieces(root, x509.load_pem_x509_certificate)
    crls = pieces(crl, x509.load_pem_x509_crl)
    chain = build_chain(certificates, roots)
    for certificate in chain:
        assert certificate.not_valid_before <= NOW <= certificate.not_valid_after, "not of today"
    assert USES[purpose] in extension(chain[0], x509.ExtendedKeyUsage), "not for this use"
    names = extension(chain[0], x509.SubjectAlternativeName)
    assert purpose == "client" or host in names.get_values_for_type(x509.DNSName), "not of this host"
    modern = int(cryptography.__version__.split(".")[0]) >= 45
    if modern and not any(isinstance(c.public_key(), ed25519.Ed25519PublicKey) for c in chain):
        check_path(certificates, roots, purpose, host)
    return "revoked" if check_crls(chain, crls) else "good"


with open(sys.argv[1], encoding="utf-8") as manifest:
    for line in manifest:
        label, *row, expected = line.rstrip("\n").split("\t")
        try:
            said = judge(*row)
        except InvalidSignature:
            said = "a signature is wrong"
        except Exception as error:  # whatever it is, it is a verdict
            said = f"{type(error).__name__}: {error}"
        print("\t".join(["ok" if said == expected else "not ok", label, said]))
