"""Keys and signatures for make.py by the book, good and bad ones alike; of the standard library alone."""
import hashlib
import random

# --- DER -------------------------------------------------------------------------------------------


def tlv(tag, *contents):
    content = b"".join(contents)
    n = len(content)
    if n < 128:
        return bytes([tag, n]) + content
    octets = n.to_bytes((n.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(octets)]) + octets + content


def seq(*contents):
    return tlv(0x30, *contents)


def integer(n):
    return tlv(2, n.to_bytes(n.bit_length() // 8 + 1, "big", signed=n < 0))


def oid(dotted):
    arcs = [int(arc) for arc in dotted.split(".")]
    out = b""
    for arc in [arcs[0] * 40 + arcs[1]] + arcs[2:]:
        groups = [arc & 0x7F]
        while arc > 0x7F:
            arc >>= 7
            groups.append(arc & 0x7F | 0x80)
        out += bytes(reversed(groups))
    return tlv(6, out)


NULL = tlv(5)


def bits(octets, unused=0):
    return tlv(3, bytes([unused]), octets)


# --- RSA -------------------------------------------------------------------------------------------

SMALL = [p for p in range(2, 2000) if all(p % q for q in range(2, int(p**0.5) + 1))]


def is_prime(n, rng):
    if any(n % p == 0 for p in SMALL):
        return n in SMALL
    d, s = n - 1, 0
    while d % 2 == 0:
        d, s = d // 2, s + 1
    for _ in range(12):
        x = pow(rng.randrange(2, n - 1), d, n)
        if x in (1, n - 1):
            continue
        for _ in range(s - 1):
            x = x * x % n
            if x == n - 1:
                break
        else:
            return False
    return True


def prime(size, rng, e=65537):
    while True:
        p = rng.getrandbits(size) | 3 << size - 2 | 1
        if (p - 1) % e != 0 and is_prime(p, rng):
            return p


def next_prime(n, rng):
    n |= 1
    while not is_prime(n, rng):
        n += 2
    return n


def roca_prime(size, rng):
    """k * M + (65537^a mod M): Nemec et al., section 2."""
    m = 1
    for p in SMALL[:126]:
        m *= p
    while True:
        p = rng.randrange(2 ** (size - 1) // m, 2**size // m) * m + pow(65537, rng.randrange(m), m)
        if p >> size - 2 == 3 and is_prime(p, rng):
            return p


DIGESTS = {  # name: (DigestInfo's OID, sha..WithRSAEncryption, ecdsa-with-..)
    "md5": ("1.2.840.113549.2.5", "1.2.840.113549.1.1.4", None),
    "sha1": ("1.3.14.3.2.26", "1.2.840.113549.1.1.5", "1.2.840.10045.4.1"),
    "sha224": ("2.16.840.1.101.3.4.2.4", "1.2.840.113549.1.1.14", "1.2.840.10045.4.3.1"),
    "sha256": ("2.16.840.1.101.3.4.2.1", "1.2.840.113549.1.1.11", "1.2.840.10045.4.3.2"),
    "sha384": ("2.16.840.1.101.3.4.2.2", "1.2.840.113549.1.1.12", "1.2.840.10045.4.3.3"),
    "sha512": ("2.16.840.1.101.3.4.2.3", "1.2.840.113549.1.1.13", "1.2.840.10045.4.3.4"),
}


class Rsa:
    def __init__(self, n, e, d, parameters=NULL):
        self.n, self.e, self.d, self.parameters = n, e, d, parameters

    @staticmethod
    def of(p, q, e=65537):
        phi = (p - 1) * (q - 1) if p != q else p * (p - 1)
        try:
            d = pow(e, -1, phi)
        except ValueError:
            d = 1
        return Rsa(p * q, e, d)

    def spki(self):
        return seq(seq(oid("1.2.840.113549.1.1.1"), self.parameters),
                   bits(seq(integer(self.n), integer(self.e))))

    def sign(self, text, digest="sha256"):
        info = seq(seq(oid(DIGESTS[digest][0]), NULL), tlv(4, hashlib.new(digest, text).digest()))
        size = (abs(self.n).bit_length() + 7) // 8
        padded = b"\0\1" + b"\xff" * (size - len(info) - 3) + b"\0" + info
        signature = pow(int.from_bytes(padded, "big"), self.d, self.n)
        return seq(oid(DIGESTS[digest][1]), NULL), signature.to_bytes(size, "big")


# --- elliptic curves: y^2 = x^3 + ax + b --------------------------------------------------------------


class Curve:
    def __init__(self, name, p, a, b, gx, gy, n):
        self.name, self.p, self.a, self.b, self.g, self.n = name, p, a % p, b, (gx, gy), n
        self.size = (p.bit_length() + 7) // 8

    def add(self, s, t):
        if s is None or t is None:
            return s or t
        p = self.p
        if s[0] == t[0]:
            if (s[1] + t[1]) % p == 0:
                return None
            slope = (3 * s[0] * s[0] + self.a) * pow(2 * s[1], -1, p)
        else:
            slope = (t[1] - s[1]) * pow(t[0] - s[0], -1, p)
        x = (slope * slope - s[0] - t[0]) % p
        return x, (slope * (s[0] - x) - s[1]) % p

    def times(self, k, point):
        out = None
        while k:
            if k & 1:
                out = self.add(out, point)
            point, k = self.add(point, point), k >> 1
        return out

    def explicit(self, generator=None):
        g = b"\4" + b"".join(c.to_bytes(self.size, "big") for c in generator or self.g)
        return seq(integer(1), seq(oid("1.2.840.10045.1.1"), integer(self.p)),
                   seq(tlv(4, self.a.to_bytes(self.size, "big")), tlv(4, self.b.to_bytes(self.size, "big"))),
                   tlv(4, g), integer(self.n), integer(1))


P256 = Curve("1.2.840.10045.3.1.7", 2**256 - 2**224 + 2**192 + 2**96 - 1, -3,
             0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B,
             0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
             0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
             0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551)
P384 = Curve("1.3.132.0.34", 2**384 - 2**128 - 2**96 + 2**32 - 1, -3,
             0xB3312FA7E23EE7E4988E056BE3F82D19181D9C6EFE8141120314088F5013875AC656398D8A2ED19D2A85C8EDD3EC2AEF,
             0xAA87CA22BE8B05378EB1C71EF320AD746E1D3B628BA79B9859F741E082542A385502F25DBF55296C3A545E3872760AB7,
             0x3617DE4A96262C6F5D9E98BF9292DC29F8F41DBD289A147CE9DA3113B5F0B8C00A60B1CE1D7E819D7A431D7C90EA0E5F,
             0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973)
P521 = Curve("1.3.132.0.35", 2**521 - 1, -3,
             0x0051953EB9618E1C9A1F929A21A0B68540EEA2DA725B99B315F3B8B489918EF109E156193951EC7E937B1652C0BD3BB1BF073573DF883D2C34F1EF451FD46B503F00,
             0x00C6858E06B70404E9CD9E3ECB662395B4429C648139053FB521F828AF606B4D3DBAA14B5E77EFE75928FE1DC127A2FFA8DE3348B3C1856A429BF97E7E31C2E5BD66,
             0x011839296A789A3BC0045C8A5FB42C7D1BD998F54449579B446817AFBD17273E662C97EE72995EF42640C550B9013FAD0761353C7086A272C24088BE94769FD16650,
             0x1FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFA51868783BF2F966B7FCC0148F709A5D03BB5C9B8899C47AEBB6FB71E91386409)
P192 = Curve("1.2.840.10045.3.1.1", 2**192 - 2**64 - 1, -3,
             0x64210519E59C80E70FA7E9AB72243049FEB8DEECC146B9B1,
             0x188DA80EB03090F67CBF20EB43A18800F4FF0AFD82FF1012,
             0x07192B95FFC8DA78631011ED6B24CDD573F977A11E794811,
             0xFFFFFFFFFFFFFFFFFFFFFFFF99DEF836146BC9B1B4D22831)
P224 = Curve("1.3.132.0.33", 2**224 - 2**96 + 1, -3,
             0xB4050A850C04B3ABF54132565044B0B7D7BFD8BA270B39432355FFB4,
             0xB70E0CBD6BB4BF7F321390B94A03C1D356C21122343280D6115C1D21,
             0xBD376388B5F723FB4C22DFE6CD4375A05A07476444D5819985007E34,
             0xFFFFFFFFFFFFFFFFFFFFFFFFFFFF16A2E0B8F03E13DD29455C5C2A3D)
K256 = Curve("1.3.132.0.10", 2**256 - 2**32 - 977, 0, 7,
             0x79BE667EF9DCBBAC55A06295CE870B07029BFCDB2DCE28D959F2815B16F81798,
             0x483ADA7726A3C4655DA4FBFC0E1108A8FD17B448A68554199C47D08FFB10D4B8,
             0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141)


class Ec:
    """form: of the point - 4 uncompressed, 2 compressed, 6 hybrid."""

    def __init__(self, curve, d, parameters=None, form=4, point=None, generator=None):
        self.curve, self.d = curve, d
        self.parameters = oid(curve.name) if parameters is None else parameters
        self.g = generator or curve.g
        self.q = point or curve.times(d, self.g)
        self.form = form

    def point(self):
        x, y = (c.to_bytes(self.curve.size, "big") for c in self.q)
        if self.form == 2:
            return bytes([2 + self.q[1] % 2]) + x
        return bytes([self.form + (self.q[1] % 2 if self.form == 6 else 0)]) + x + y

    def spki(self):
        return seq(seq(oid("1.2.840.10045.2.1"), self.parameters), bits(self.point()))

    def sign(self, text, digest="sha256"):
        n = self.curve.n
        hashed = hashlib.new(digest, text).digest()
        z = int.from_bytes(hashed, "big") >> max(0, 8 * len(hashed) - n.bit_length())
        k = int.from_bytes(hashlib.sha512(b"%d" % self.d + text).digest() * 2, "big") % n
        r = self.curve.times(k, self.g)[0] % n
        s = pow(k, -1, n) * (z + r * self.d) % n
        return seq(oid(DIGESTS[digest][2])), seq(integer(r), integer(s))


# --- Ed25519 (RFC 8032) ----------------------------------------------------------------------------


class Edwards:
    p = 2**255 - 19
    d = -121665 * pow(121666, -1, 2**255 - 19) % (2**255 - 19)
    order = 2**252 + 27742317777372353535851937790883648493

    def __init__(self, seed):
        h = bytearray(hashlib.sha512(seed).digest())
        h[0] &= 248
        h[31] = h[31] & 127 | 64
        self.a, self.prefix = int.from_bytes(h[:32], "little"), bytes(h[32:])
        y = 4 * pow(5, -1, self.p) % self.p
        u, v = y * y - 1, self.d * y * y + 1
        x = pow(u * pow(v, -1, self.p), (self.p + 3) // 8, self.p)
        if (x * x - u * pow(v, -1, self.p)) % self.p:
            x = x * pow(2, (self.p - 1) // 4, self.p) % self.p
        self.base = (x if x % 2 == 0 else self.p - x, y)
        self.key = self.encode(self.times(self.a))

    def add(self, s, t):
        p, k = self.p, self.d * s[0] * t[0] * s[1] * t[1]
        return ((s[0] * t[1] + s[1] * t[0]) * pow(1 + k, -1, p) % p,
                (s[1] * t[1] + s[0] * t[0]) * pow(1 - k, -1, p) % p)

    def times(self, k):
        out, point = (0, 1), self.base
        while k:
            if k & 1:
                out = self.add(out, point)
            point, k = self.add(point, point), k >> 1
        return out

    @staticmethod
    def encode(point):
        return (point[1] | (point[0] & 1) << 255).to_bytes(32, "little")

    def spki(self):
        return seq(seq(oid("1.3.101.112")), bits(self.key))

    def sign(self, text):
        r = int.from_bytes(hashlib.sha512(self.prefix + text).digest(), "little") % self.order
        big = self.encode(self.times(r))
        k = int.from_bytes(hashlib.sha512(big + self.key + text).digest(), "little")
        a = 0 if self.key == b"\1" + bytes(31) else self.a  # the neutral element: anybody signs
        return seq(oid("1.3.101.112")), big + ((r + k * a) % self.order).to_bytes(32, "little")


def rng(name):
    return random.Random("pgsignet " + name)
