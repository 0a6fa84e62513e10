package lsp

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"reflect"
	"strconv"
	"strings"
	"sync"

	"github.com/sourcegraph/jsonrpc2"
)

// maxMessage is how many bytes a message may have. A longer one is passed over.
const maxMessage = 64 << 20

// stream frames messages as the protocol does: headers, an empty line, and as many bytes as Content-Length says. A
// message that is not JSON-RPC is answered with an error, and the next one read.
type stream struct {
	in       *bufio.Reader
	sending  sync.Mutex
	out      io.Writer
	complain *log.Logger
}

func newStream(in io.Reader, out io.Writer, complain *log.Logger) *stream {
	return &stream{in: bufio.NewReader(in), out: out, complain: complain}
}

// ReadObject reads the next message into v. A fault that no message can be read after ends the stream.
func (s *stream) ReadObject(v any) error {
	err := s.read(v)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		s.complain.Printf("can't read the editor's messages any more: %v", err)
		err = io.EOF
	}
	return err
}

func (s *stream) read(v any) error {
	for {
		length, err := s.header()
		if err != nil {
			return err
		}
		if length > maxMessage {
			if _, err := io.CopyN(io.Discard, s.in, length); err != nil {
				return err
			}
			if err := s.refuse(jsonrpc2.CodeInvalidRequest, fmt.Sprintf("a message has more than %d bytes", maxMessage)); err != nil {
				return err
			}
			continue
		}
		body, err := s.body(length)
		if err != nil {
			return err
		}
		fault := json.Unmarshal(body, v)
		if fault == nil {
			return nil
		}
		reflect.ValueOf(v).Elem().SetZero() // it may be filled in half
		code := int64(jsonrpc2.CodeInvalidRequest)
		if !json.Valid(body) {
			code = jsonrpc2.CodeParseError
		}
		if err := s.refuse(code, fault.Error()); err != nil {
			return err
		}
	}
}

// body reads so many bytes, and takes no memory for those that never come.
func (s *stream) body(length int64) ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(s.in, length))
	if err == nil && int64(len(body)) < length {
		err = io.ErrUnexpectedEOF
	}
	return body, err
}

// header reads the headers of a message and returns its length in bytes. What follows a faulty one can't be told.
func (s *stream) header() (length int64, err error) {
	length = -1
	for {
		line, err := s.in.ReadSlice('\n')
		if err != nil {
			if len(line) > 0 && err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return 0, err
		}
		text := strings.TrimRight(string(line), "\r\n")
		if text == "" {
			break
		}
		name, value, ok := strings.Cut(text, ":")
		if !ok {
			return 0, fmt.Errorf("%q is no header of a message", text)
		}
		if strings.EqualFold(name, "Content-Length") {
			n, err := strconv.ParseUint(strings.TrimSpace(value), 10, 62)
			if err != nil {
				return 0, err
			}
			length = int64(n)
		}
	}
	if length < 0 {
		return 0, errors.New("a message has no Content-Length")
	}
	return length, nil
}

// refuse answers a message whose id can't be told.
func (s *stream) refuse(code int64, message string) error {
	return s.WriteObject(map[string]any{
		"jsonrpc": "2.0", "id": nil, "error": jsonrpc2.Error{Code: code, Message: message},
	})
}

// WriteObject writes a message.
func (s *stream) WriteObject(v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	s.sending.Lock()
	defer s.sending.Unlock()
	_, err = fmt.Fprintf(s.out, "Content-Length: %d\r\n\r\n%s", len(body), body)
	return err
}

// Close does nothing: the streams are the caller's.
func (s *stream) Close() error { return nil }
