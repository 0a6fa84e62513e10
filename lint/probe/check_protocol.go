package probe

import (
	"encoding/hex"

	"github.com/proxylint/proxylint/parsers/syntax"
)

// sslHello is the handshake of "option ssl-hello-chk": an SSLv3 ClientHello that offers 39 ciphers. Of the random bytes
// the first four, the time, are zero here.
const sslHello = "1603000079010000750300" + "00000000" +
	"484150524f585953534c43484b0a484150524f585953534c43484b0a" + "00" + "004e" +
	"000100020003000400050006000700080009000a000b000c000d000e000f00100011001200130014001500160017" +
	"00180019001a001b002f0030003100320033003400350036003700380039003a" + "0100"

// protocolRules returns the rules of the checks that speak a protocol of their own. Where one would log in, its greeting or
// the connection has to do.
func protocolRules(stmt *syntax.Stmt) *checkList {
	expect := func(number int, e CheckExpect) *checkRule { return &checkRule{number: number, expect: &e} }
	standard := &checkRule{number: 1, connect: &checkDial{standard: true}}
	switch stmt.Arg(1) {
	case "redis-check":
		return &checkList{
			{number: 1, send: []byte("*1\r\n$4\r\nPING\r\n")},
			expect(2, CheckExpect{Kind: ExpectString, Pattern: []byte("+PONG\r\n"), MinRecv: -1, Error: L7STS, Quotes: true}),
		}
	case "smtpchk":
		greeting := "HELO localhost"
		if word := stmt.Arg(2); (word == "EHLO" || word == "HELO") && stmt.Arg(3) != "" {
			greeting = word + " " + stmt.Arg(3)
		}
		return &checkList{
			standard,
			expect(2, CheckExpect{Kind: ExpectRegexp, Pattern: []byte("^[0-9]{3}[ \r]"), MinRecv: 4, Error: L7RSP, Quotes: true}),
			expect(3, CheckExpect{Kind: ExpectRegexp, Pattern: []byte("^2[0-9]{2}[ \r]"), MinRecv: 4, Error: L7STS, Quotes: true, Coded: true}),
			{number: 4, send: []byte(greeting + "\r\n")},
			expect(5, CheckExpect{Kind: ExpectRegexp, Pattern: []byte("^(2[0-9]{2}-[^\r]*\r\n)*2[0-9]{2}[ \r]"), MinRecv: -1, Error: L7STS, Quotes: true, Coded: true}),
			{number: 6, send: []byte("QUIT\r\n")},
			expect(7, CheckExpect{Kind: ExpectRegexp, Pattern: []byte("^2[0-9]{2}[- \r]"), MinRecv: 4, Error: L7STS, Quotes: true, Coded: true}),
		}
	case "ssl-hello-chk":
		hello, _ := hex.DecodeString(sslHello)
		return &checkList{
			{number: 1, send: hello},
			expect(2, CheckExpect{Kind: ExpectHexRegexp, Pattern: []byte("^1[56]"), MinRecv: 5, OK: L6OK, Error: L6RSP, Late: L6TOUT}),
		}
	case "mysql-check":
		return &checkList{standard, expect(2, CheckExpect{Kind: ExpectMySQL, MinRecv: 5})}
	}
	return nil // pgsql-check, ldap-check and spop-check: there the client begins
}
