package inventory

import (
	"io/fs"
	"time"
)

// What servers do when nobody says otherwise, each with the page that says so.
const (
	fpmMode fs.FileMode = 0o660 // php.net/manual/en/install.fpm.configuration.php, listen.mode

	// docs.gunicorn.org/en/stable/settings.html: bind, timeout, keepalive, limit_request_field_size, umask
	gunicornPort                   = 8000
	gunicornTimeout                = 30 * time.Second
	gunicornKeepAlive              = 2 * time.Second
	gunicornField                  = 8190
	gunicornMode       fs.FileMode = 0o777
	uvicornKeepAlive               = 5 * time.Second // www.uvicorn.org/settings, --timeout-keep-alive
	uvicornMode        fs.FileMode = 0o666           // the same, --uds
	hypercornKeepAlive             = 5 * time.Second // hypercorn.readthedocs.io, keep_alive_timeout

	// uwsgi-docs.readthedocs.io/en/latest/Options.html: buffer-size, http-timeout, chmod-socket without a value
	uwsgiBuffer                  = 4096
	uwsgiHTTPTimeout             = 60 * time.Second
	uwsgiMode        fs.FileMode = 0o666

	socketUnitMode fs.FileMode = 0o666 // systemd.socket(5), SocketMode=

	// tomcat.apache.org/tomcat-10.1-doc/config/http.html: connectionTimeout, keepAliveTimeout, maxHttpHeaderSize
	tomcatTimeout = 60 * time.Second
	tomcatHeader  = 8192

	springPort = 8080 // docs.spring.io, common application properties, server.port
)
