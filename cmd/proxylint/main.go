// Proxylint finds what makes an nginx or HAProxy configuration answer 502, 503 or 504.
package main

import "os"

func main() {
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
