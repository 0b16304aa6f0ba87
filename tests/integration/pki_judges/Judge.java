/* Java as a judge: PKIX paths with CRLs, and the uses that its TLS asks for.  java Judge.java MANIFEST (see pki_judges.sh). */
import java.io.FileInputStream;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.cert.CRL;
import java.security.cert.CertPathBuilder;
import java.security.cert.CertPathValidatorException;
import java.security.cert.CertStore;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.security.cert.CollectionCertStoreParameters;
import java.security.cert.PKIXBuilderParameters;
import java.security.cert.PKIXRevocationChecker;
import java.security.cert.TrustAnchor;
import java.security.cert.X509CertSelector;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.Collection;
import java.util.EnumSet;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import javax.net.ssl.CertPathTrustManagerParameters;
import javax.net.ssl.TrustManagerFactory;
import javax.net.ssl.X509TrustManager;

class Judge {
    static final CertificateFactory factory = make();

    static CertificateFactory make() {
        try {
            return CertificateFactory.getInstance("X.509");
        } catch (Exception error) {
            throw new RuntimeException(error);
        }
    }

    static List<X509Certificate> certificates(String path) throws Exception {
        List<X509Certificate> all = new ArrayList<>();
        try (InputStream in = new FileInputStream(path)) {
            for (Certificate one : factory.generateCertificates(in))
                all.add((X509Certificate) one);
        }
        return all;
    }

    static String judge(String[] row) throws Exception {
        List<X509Certificate> chain = certificates(row[1]);
        Set<TrustAnchor> anchors = new HashSet<>();
        for (X509Certificate root : certificates(row[2]))
            anchors.add(new TrustAnchor(root, null));
        Collection<? extends CRL> crls;
        try (InputStream in = new FileInputStream(row[3])) {
            crls = factory.generateCRLs(in);
        }
        X509CertSelector leaf = new X509CertSelector();
        leaf.setCertificate(chain.get(0));
        PKIXBuilderParameters parameters = new PKIXBuilderParameters(anchors, leaf);
        Collection<Object> store = new ArrayList<>(crls);
        store.addAll(chain);
        parameters.addCertStore(CertStore.getInstance("Collection", new CollectionCertStoreParameters(store)));
        parameters.setRevocationEnabled(true);
        PKIXRevocationChecker checker =
            (PKIXRevocationChecker) CertPathBuilder.getInstance("PKIX").getRevocationChecker();
        checker.setOptions(EnumSet.of(PKIXRevocationChecker.Option.PREFER_CRLS, PKIXRevocationChecker.Option.NO_FALLBACK));
        parameters.addCertPathChecker(checker);
        TrustManagerFactory managers = TrustManagerFactory.getInstance("PKIX");
        managers.init(new CertPathTrustManagerParameters(parameters));
        X509TrustManager manager = (X509TrustManager) managers.getTrustManagers()[0];
        X509Certificate[] array = chain.toArray(new X509Certificate[0]);
        try {
            if (row[4].equals("server"))
                manager.checkServerTrusted(array, "ECDHE_" + (chain.get(0).getPublicKey().getAlgorithm().equals("RSA") ? "RSA" : "ECDSA"));
            else
                manager.checkClientTrusted(array, chain.get(0).getPublicKey().getAlgorithm());
        } catch (Exception error) {
            for (Throwable cause = error; cause != null; cause = cause.getCause())
                if (cause instanceof CertPathValidatorException
                    && ((CertPathValidatorException) cause).getReason() == CertPathValidatorException.BasicReason.REVOKED)
                    return "revoked";
            throw error;
        }
        if (row[4].equals("server")
            && chain.get(0).getSubjectAlternativeNames().stream().noneMatch(name -> name.get(1).equals(row[5])))
            return "not of this host";
        return "good";
    }

    public static void main(String[] arguments) throws Exception {
        for (String line : Files.readAllLines(Path.of(arguments[0]))) {
            String[] row = line.split("\t");
            String said;
            try {
                said = judge(row);
            } catch (Exception error) {
                said = String.valueOf(error).replace('\n', ' ');
            }
            System.out.println((said.equals(row[6]) ? "ok" : "not ok") + "\t" + row[0] + "\t" + said);
        }
    }
}
