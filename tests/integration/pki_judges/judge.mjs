// Node as a judge: a TLS handshake with each certificate, on the side that it is for, under the CRLs.
// node judge.mjs MANIFEST (see pki_judges.sh)
import { readFileSync } from "node:fs";
import { once } from "node:events";
import tls from "node:tls";

const rows = readFileSync(process.argv[2], "utf8").trimEnd().split("\n").map((line) => line.split("\t"));
const read = (path) => readFileSync(path, "utf8");
const pair = (path) => ({ cert: read(path), key: read(path.replace(/\.crt$/, ".key")) });

async function handshake(server, client, side) {
    const listener = tls.createServer({ ...server, requestCert: true, rejectUnauthorized: false });
    listener.listen(0, "127.0.0.1");
    await once(listener, "listening");
    const accepted = once(listener, "secureConnection");
    const socket = tls.connect({ ...client, host: "127.0.0.1", port: listener.address().port, rejectUnauthorized: false });
    await once(socket, "secureConnect");
    const [other] = await accepted;
    const judge = side === "server" ? socket : other;
    const said = judge.authorized ? "good" : String(judge.authorizationError?.code ?? judge.authorizationError);
    socket.destroy();
    other.destroy();
    listener.close();
    return said === "CERT_REVOKED" ? "revoked" : said;
}

for (const [label, chain, root, crl, purpose, host, expected] of rows) {
    const crls = read(crl).match(/-----BEGIN[^]*?-----END.*\n/g); // of a text, Node takes the first one alone
    const trust = { ca: read(root), crl: crls };
    const any = pair(rows.find((row) => row[4] === "server" && row[6] === "good")[1]);
    let said;
    try {
        said = await (purpose === "server"
            ? handshake(pair(chain), { ...trust, servername: host }, "server")
            : handshake({ ...any, ...trust }, { ...pair(chain), servername: host }, "client"));
    } catch (error) {
        said = String(error);
    }
    console.log([said === expected ? "ok" : "not ok", label, said].join("\t"));
}
