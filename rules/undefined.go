package rules

import (
	"slices"
	"strings"

	"github.com/proxylint/proxylint/parsers/syntax"
)

// httpVariables and streamVariables are the variables of nginx's own modules, those of NGINX Plus among them, and some
// that forks add; those of all versions (nginx.org, "Alphabetical index of variables"). They are sorted.
var (
	httpVariables = [...]string{
		"acme_certificate", "acme_certificate_key", "ancient_browser", "angie_version", "apache_bytes_sent", "args",
		"binary_remote_addr", "body_bytes_sent", "bytes_sent", "connection", "connection_requests",
		"connection_time", "connections_active", "connections_reading", "connections_waiting",
		"connections_writing", "content_length", "content_type", "date_gmt", "date_local", "document_root",
		"document_uri", "fastcgi_path_info", "fastcgi_script_name", "geoip_area_code", "geoip_city",
		"geoip_city_continent_code", "geoip_city_country_code", "geoip_city_country_code3",
		"geoip_city_country_name", "geoip_country_code", "geoip_country_code3", "geoip_country_name",
		"geoip_dma_code", "geoip_latitude", "geoip_longitude", "geoip_org", "geoip_postal_code", "geoip_region",
		"geoip_region_name", "gzip_ratio", "host", "hostname", "http2", "http3", "https", "invalid_referer",
		"is_args", "is_request_port", "jwt_payload", "limit_conn_status", "limit_rate", "limit_req_status",
		"modern_browser", "msec", "msie", "nginx_version", "oidc_access_token", "oidc_id_token", "oidc_userinfo",
		"otel_parent_id", "otel_parent_sampled", "otel_span_id", "otel_trace_id", "pid", "pipe", "proxy_add_via",
		"proxy_add_x_forwarded_for", "proxy_host", "proxy_port", "proxy_protocol_addr", "proxy_protocol_port",
		"proxy_protocol_server_addr", "proxy_protocol_server_port", "query_string", "realip_remote_addr",
		"realip_remote_port", "realpath_root", "remote_addr", "remote_port", "remote_user", "request",
		"request_body", "request_body_file", "request_completion", "request_filename", "request_id",
		"request_length", "request_method", "request_port", "request_time", "request_uri", "scheme", "secure_link",
		"secure_link_expires", "server_addr", "server_name", "server_port", "server_protocol",
		"session_log_binary_id", "session_log_id", "slice_range", "spdy", "spdy_request_priority",
		"ssl_alpn_protocol", "ssl_cipher", "ssl_ciphers", "ssl_client_cert", "ssl_client_escaped_cert",
		"ssl_client_fingerprint", "ssl_client_i_dn", "ssl_client_i_dn_legacy", "ssl_client_raw_cert",
		"ssl_client_s_dn", "ssl_client_s_dn_legacy", "ssl_client_serial", "ssl_client_sigalg", "ssl_client_v_end",
		"ssl_client_v_remain", "ssl_client_v_start", "ssl_client_verify", "ssl_curve", "ssl_curves",
		"ssl_early_data", "ssl_ech_outer_server_name", "ssl_ech_status", "ssl_protocol", "ssl_server_name",
		"ssl_session_id", "ssl_session_reused", "ssl_sigalg", "ssl_sigalgs", "status", "tcpinfo_rcv_space",
		"tcpinfo_rtt", "tcpinfo_rttvar", "tcpinfo_snd_cwnd", "time_iso8601", "time_iso8601_ms", "time_local",
		"uid_got", "uid_reset", "uid_set", "unix_time", "upstream_addr", "upstream_bytes_received",
		"upstream_bytes_sent", "upstream_cache_etag", "upstream_cache_last_modified", "upstream_cache_status",
		"upstream_connect_time", "upstream_header_time", "upstream_last_addr", "upstream_last_server_name",
		"upstream_queue_time", "upstream_response_length", "upstream_response_time", "upstream_status", "uri",
	}
	streamVariables = [...]string{
		"angie_version", "binary_remote_addr", "bytes_received", "bytes_sent", "connection", "geoip_area_code",
		"geoip_city", "geoip_city_continent_code", "geoip_city_country_code", "geoip_city_country_code3",
		"geoip_city_country_name", "geoip_country_code", "geoip_country_code3", "geoip_country_name",
		"geoip_dma_code", "geoip_latitude", "geoip_longitude", "geoip_org", "geoip_postal_code", "geoip_region",
		"geoip_region_name", "hostname", "limit_conn_status", "mqtt_preread_clientid", "mqtt_preread_username",
		"msec", "nginx_version", "pid", "protocol", "proxy_protocol_addr", "proxy_protocol_port",
		"proxy_protocol_server_addr", "proxy_protocol_server_port", "realip_remote_addr", "realip_remote_port",
		"remote_addr", "remote_port", "server_addr", "server_name", "server_port", "session_time",
		"ssl_alpn_protocol", "ssl_cipher", "ssl_ciphers", "ssl_client_cert", "ssl_client_escaped_cert",
		"ssl_client_fingerprint", "ssl_client_i_dn", "ssl_client_raw_cert", "ssl_client_s_dn", "ssl_client_serial",
		"ssl_client_sigalg", "ssl_client_v_end", "ssl_client_v_remain", "ssl_client_v_start", "ssl_client_verify",
		"ssl_curve", "ssl_curves", "ssl_ech_outer_server_name", "ssl_ech_status", "ssl_preread_alpn_protocols",
		"ssl_preread_protocol", "ssl_preread_server_name", "ssl_protocol", "ssl_server_name", "ssl_session_id",
		"ssl_session_reused", "ssl_sigalg", "ssl_sigalgs", "status", "time_iso8601", "time_iso8601_ms",
		"time_local", "upstream_addr", "upstream_bytes_received", "upstream_bytes_sent", "upstream_connect_time",
		"upstream_first_byte_time", "upstream_last_addr", "upstream_session_time",
	}
)

// builtInVariables returns the variables that every configuration of http or stream may use.
func builtInVariables(stream bool) []string {
	if stream {
		return streamVariables[:]
	}
	return httpVariables[:]
}

// isBuiltInVariable reports whether nginx knows a variable by itself. Its name is in lower case.
func isBuiltInVariable(name string, stream bool) bool {
	if _, found := slices.BinarySearch(builtInVariables(stream), name); found {
		return true
	}
	prefixes := []string{
		"http_", "arg_", "cookie_", "sent_http_", "sent_trailer_", "upstream_http_", "upstream_cookie_", "upstream_trailer_",
		"jwt_claim_", "jwt_header_", "oidc_claim_", "proxy_protocol_tlv_",
		// of modules from elsewhere that need no directive
		"acme_cert_", "brotli_", "datadog_", "echo_", "nchan_", "opentelemetry_", "opentracing_", "upload_", "zstd_",
	}
	if stream {
		prefixes = []string{"proxy_protocol_tlv_"}
	}
	return slices.ContainsFunc(prefixes, func(prefix string) bool { return strings.HasPrefix(name, prefix) })
}

// hidesLines reports whether an include statement names what is not in the tree: it was not read, or its pattern
// matches nothing here, as where only a part of a folder is kept with the project.
func hidesLines(tree *syntax.Tree, include *syntax.Stmt) bool {
	_, unread := tree.Unread[include]
	name := include.Arg(1)
	return (unread || len(tree.Includes[include]) == 0) &&
		!setsParamsOnly(name) && !holdsTables(name) && !strings.Contains(name, "modules-enabled/")
}

// maxEntered is how many included files Tree.Walk enters. Where it entered as many, it did not show the rest.
const maxEntered = 20_000

// isTemplatedTree reports whether a template engine makes any file of a tree, or an example leaves lines out: what is
// not there may yet come.
func isTemplatedTree(tree *syntax.Tree) bool {
	for path, f := range tree.Files {
		for _, mark := range []string{"{{", "{%", "<%", "@@"} {
			if strings.Contains(f.Src, mark) {
				return true
			}
		}
		for _, end := range []string{".template", ".tmpl", ".tpl", ".j2", ".erb"} {
			if strings.HasSuffix(path, end) {
				return true
			}
		}
		if hasEllipsis(f.Src) {
			return true
		}
	}
	return false
}

// hasEllipsis reports whether a line holds nothing but three dots, in a comment or not.
func hasEllipsis(src string) bool {
	for _, dots := range []string{"...", "…"} {
		for rest := src; ; {
			before, after, found := strings.Cut(rest, dots)
			if !found {
				break
			}
			line, _, _ := strings.Cut(after, "\n")
			if strings.Trim(before[strings.LastIndexByte(before, '\n')+1:], "# \t") == "" && strings.Trim(line, ".; \t\r") == "" {
				return true
			}
			rest = after
		}
	}
	return false
}
