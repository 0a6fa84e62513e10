//go:build unix

package logs

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestPHPJudge has php-fpm fail in its ways, and reads what nginx makes of it.
func TestPHPJudge(t *testing.T) {
	t.Parallel()
	programs, _ := filepath.Glob("/usr/sbin/php-fpm*")
	if len(programs) == 0 {
		t.Skip("php-fpm is not installed")
	}
	dir, err := os.MkdirTemp("", "judge")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	const readable, hidden = 0o644, 0
	for name, script := range map[string]struct {
		text string
		mode os.FileMode
	}{
		"fatal.php":  {"<?php\nfunction f() { throw new Exception('no'); }\nf();\n", readable},
		"slow.php":   {"<?php sleep(5);\n", readable},
		"hidden.php": {"<?php echo 1;\n", hidden},
		"page.txt":   {"text\n", readable},
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(script.text), script.mode); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	fpm := free(t)
	pool := fmt.Sprintf("[global]\nerror_log = %s/fpm.log\ndaemonize = no\n[www]\nuser = nobody\ngroup = nogroup\nlisten = %s\npm = static\npm.max_children = 3\nrequest_terminate_timeout = 1\nphp_admin_flag[display_errors] = off\nphp_admin_flag[log_errors] = on\nphp_admin_value[error_log] =\n", dir, fpm)
	start(t, fpm, programs[0], "-n", "-y", file(t, "fpm.conf", pool))
	n := runNginx(t, "master_process off; events {}\n", fmt.Sprintf(`http { access_log off; server { listen @; server_name judge.test; root %s;
location / { fastcgi_pass %s; fastcgi_param SCRIPT_FILENAME $document_root$uri; fastcgi_param REQUEST_METHOD $request_method; }
} }`, dir, fpm))
	for _, test := range []struct {
		path, detail string
		cause        Cause
		status       int
	}{
		{"/none.php", "Primary script unknown", ScriptUnknown, 404},
		{"/hidden.php", "Unable to open primary script", ScriptUnknown, 404},
		{"/page.txt", "security.limit_extensions", ScriptStderr, 403},
		{"/fatal.php", "#0 ", ScriptStderr, 500},
		{"/slow.php", "", Reset, 502},
	} {
		t.Run(test.path, func(t *testing.T) {
			t.Parallel()
			status := get("http://" + n.address + test.path)
			e := n.event(t, func(e Event) bool { return e.Path() == test.path && e.Cause == test.cause })
			if status != test.status || e.Status != 0 && e.Status != status || e.Upstream != fpm || !strings.Contains(e.Detail, test.detail) || n.line(t, e) != n.lineOf("fastcgi_pass") {
				t.Errorf("the client got %d; line %d, %+v", status, n.line(t, e), e)
			}
			if test.status > 500 && e.Status != test.status {
				t.Errorf("status %d is told, want %d", e.Status, test.status)
			}
		})
	}
}
