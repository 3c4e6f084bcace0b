// Command libtrust-verify checks the signatures of a docker schema 1 manifest with docker's own library, which shares no code
// with manifestd. Its argument is the manifest's file. It prints one line for each signature, "KEY-TYPE KEY-ID", then the sha256 of the
// text that was signed. The exit code is 1 if a signature does not fit.
package main

import (
	"crypto/sha256"
	"fmt"
	"os"

	"github.com/docker/libtrust"
)

func main() {
	if err := verify(); err != nil {
		fmt.Fprintln(os.Stderr, "libtrust-verify:", err)
		os.Exit(1)
	}
}

func verify() error {
	if len(os.Args) != 2 {
		return fmt.Errorf("the one argument is the file of a manifest")
	}
	manifest, err := os.ReadFile(os.Args[1])
	if err != nil {
		return err
	}
	signatures, err := libtrust.ParsePrettySignature(manifest, "signatures")
	if err != nil {
		return fmt.Errorf("the signatures cannot be read: %w", err)
	}
	keys, err := signatures.Verify()
	if err != nil {
		return fmt.Errorf("a signature does not fit: %w", err)
	}
	if len(keys) == 0 {
		return fmt.Errorf("there is no signature")
	}
	payload, err := signatures.Payload()
	if err != nil {
		return err
	}
	for _, key := range keys {
		fmt.Println(key.KeyType(), key.KeyID())
	}
	fmt.Printf("sha256:%x\n", sha256.Sum256(payload))
	return nil
}
