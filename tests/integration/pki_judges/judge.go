// Go as a judge: crypto/x509 and its CRLs, of the standard library alone.  go run judge.go MANIFEST (see pki_judges.sh).
package main

import (
	"bufio"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"strings"
	"time"
)

func blocks(path string) ([][]byte, error) {
	text, err := os.ReadFile(path)
	var all [][]byte
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		all = append(all, block.Bytes)
	}
	return all, err
}

func certificates(path string) ([]*x509.Certificate, error) {
	ders, err := blocks(path)
	var all []*x509.Certificate
	for _, der := range ders {
		one, failure := x509.ParseCertificate(der)
		if failure != nil {
			return nil, failure
		}
		all = append(all, one)
	}
	return all, err
}

func revoked(chain []*x509.Certificate, path string) (bool, error) {
	ders, err := blocks(path)
	if err != nil {
		return false, err
	}
	found := false
	for i, certificate := range chain {
		issuer, covered := chain[len(chain)-1], false
		if i+1 < len(chain) {
			issuer = chain[i+1]
		}
		for _, der := range ders {
			list, err := x509.ParseRevocationList(der)
			if err != nil {
				return false, err
			}
			if string(list.RawIssuer) != string(issuer.RawSubject) {
				continue
			}
			if err := list.CheckSignatureFrom(issuer); err != nil {
				return false, err
			}
			if list.Number == nil || list.NextUpdate.Before(time.Now()) {
				return false, fmt.Errorf("a CRL without a number, or of yesterday")
			}
			covered = true
			for _, entry := range list.RevokedCertificates {
				found = found || entry.SerialNumber.Cmp(certificate.SerialNumber) == 0
			}
		}
		if !covered {
			return false, fmt.Errorf("a CA has no CRL")
		}
	}
	return found, nil
}

func judge(row []string) (string, error) {
	sent, err := certificates(row[1])
	if err != nil {
		return "", err
	}
	roots, err := certificates(row[2])
	if err != nil {
		return "", err
	}
	options := x509.VerifyOptions{Roots: x509.NewCertPool(), Intermediates: x509.NewCertPool()}
	for _, root := range roots {
		options.Roots.AddCert(root)
	}
	for _, other := range sent[1:] {
		options.Intermediates.AddCert(other)
	}
	options.KeyUsages = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	if row[4] == "server" {
		options.KeyUsages = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
		options.DNSName = row[5]
	}
	chains, err := sent[0].Verify(options)
	if err != nil {
		return "", err
	}
	is, err := revoked(chains[0], row[3])
	if is {
		return "revoked", err
	}
	return "good", err
}

func main() {
	file, err := os.Open(os.Args[1])
	if err != nil {
		panic(err)
	}
	for lines := bufio.NewScanner(file); lines.Scan(); {
		row := strings.Split(lines.Text(), "\t")
		said, err := judge(row)
		if err != nil {
			said = err.Error()
		}
		verdict := "not ok"
		if said == row[6] {
			verdict = "ok"
		}
		fmt.Printf("%s\t%s\t%s\n", verdict, row[0], said)
	}
}
