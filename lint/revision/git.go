package revision

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// patience is how long git may take in all.
const patience = time.Minute

// git runs the program git in one folder.
type git struct {
	dir    string
	config []string // options that stand before the command
}

// newGit returns a git that runs nothing which the repository's own configuration names.
func newGit(ctx context.Context, dir string) (git, error) {
	g := git{dir: dir, config: []string{
		"--no-pager", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=" + os.DevNull,
	}}
	keys, err := g.list(ctx, "config", "--null", "--name-only", "--get-regexp", `^filter\.`)
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) && exit.ExitCode() == 1 {
		return g, nil // there is none
	}
	for _, key := range keys {
		value := "empty"
		if strings.HasSuffix(key, ".required") {
			value = "false"
		}
		// A name may hold "=", which -c takes for the end of the key.
		g.config = append(g.config, "--config-env="+key+"=PROXYLINT_"+value)
	}
	return g, err
}

func (g git) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "git", append(g.config[:len(g.config):len(g.config)], args...)...)
	cmd.Dir = g.dir
	cmd.WaitDelay = time.Second
	cmd.Env = append(os.Environ(),
		"LC_ALL=C",
		"GIT_OPTIONAL_LOCKS=0",
		"GIT_TERMINAL_PROMPT=0",
		// A partial clone would fetch what it lacks.
		"GIT_NO_LAZY_FETCH=1", "GIT_ALLOW_PROTOCOL=none",
		"PROXYLINT_empty=", "PROXYLINT_false=false",
	)
	return cmd
}

// output returns what git prints.
func (g git) output(ctx context.Context, args ...string) (string, error) {
	var stdout, stderr bytes.Buffer
	cmd := g.command(ctx, args...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := explain(ctx, cmd.Run(), stderr.String())
	return stdout.String(), err
}

// line returns the one line that git prints.
func (g git) line(ctx context.Context, args ...string) (string, error) {
	out, err := g.output(ctx, args...)
	return strings.TrimSuffix(out, "\n"), err
}

// list returns what git prints, each entry ended by a zero byte.
func (g git) list(ctx context.Context, args ...string) ([]string, error) {
	out, err := g.output(ctx, args...)
	if out == "" || err != nil {
		return nil, err
	}
	return strings.Split(strings.TrimSuffix(out, "\x00"), "\x00"), nil
}

// explain makes one line of why git failed: its own words, where it has any.
func explain(ctx context.Context, err error, stderr string) error {
	if at := strings.Index(stderr, "fatal: "); at >= 0 {
		stderr = stderr[at+len("fatal: "):] // after warnings
	}
	line, _, _ := strings.Cut(strings.TrimSpace(stderr), "\n")
	switch {
	case err == nil:
		return nil
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return fmt.Errorf("git takes longer than %v", patience)
	case ctx.Err() != nil:
		return errors.New("interrupted")
	case errors.Is(err, exec.ErrNotFound):
		return errors.New("git is not installed")
	case line == "":
		return fmt.Errorf("git: %w", err)
	}
	return gitError{line, err}
}

// gitError says a failure of git in its own words.
type gitError struct {
	text string
	err  error
}

func (e gitError) Error() string { return "git: " + e.text }
func (e gitError) Unwrap() error { return e.err }

// maxBlob is how many bytes of a file are taken from the repository; what is longer is passed over.
const maxBlob = 64 << 20

// blobs hands the contents of blobs to take, in their order: as they were committed, no filter or line end applied.
func (g git) blobs(ctx context.Context, ids []string, take func(i int, text []byte) error) error {
	if len(ids) == 0 {
		return nil
	}
	running, stop := context.WithCancel(ctx)
	defer stop()
	var stderr bytes.Buffer
	cmd := g.command(running, "cat-file", "--batch", "--buffer")
	cmd.Stdin, cmd.Stderr = strings.NewReader(strings.Join(ids, "\n")+"\n"), &stderr
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return explain(ctx, err, "")
	}
	err = readBlobs(bufio.NewReaderSize(pipe, 1<<16), len(ids), take)
	if err != nil {
		stop()
	}
	ended := cmd.Wait()
	if err == nil || ctx.Err() != nil || errors.Is(err, errShort) {
		return explain(ctx, cmp.Or(ended, err), stderr.String())
	}
	return err
}

// errShort says that git ended before it had printed all.
var errShort = errors.New("it ended too early")

// readBlobs reads what "git cat-file --batch" prints: "ID blob SIZE", the bytes and a line end for each.
func readBlobs(r *bufio.Reader, n int, take func(i int, text []byte) error) error {
	for i := range n {
		head, err := r.ReadString('\n')
		if err != nil {
			return errShort
		}
		fields := strings.Fields(head)
		if len(fields) != 3 {
			return fmt.Errorf("this clone lacks %s: git fetch --refetch", strings.TrimSuffix(strings.TrimSpace(head), " missing"))
		}
		size, err := strconv.ParseInt(fields[2], 10, 64)
		if err != nil {
			return err
		}
		if size > maxBlob {
			if _, err := io.CopyN(io.Discard, r, size+1); err != nil {
				return errShort
			}
			continue
		}
		text := make([]byte, size+1)
		if _, err := io.ReadFull(r, text); err != nil {
			return errShort
		}
		if err := take(i, text[:size]); err != nil {
			return err
		}
	}
	return nil
}
