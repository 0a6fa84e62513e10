package nginx

import "strings"

// IsOwn reports whether a directive of that name is one of nginx itself or of NGINX Plus. Others may have one of
// the same name.
func IsOwn(directive string) bool {
	for _, d := range lookup(directive) {
		if isOwnModule(d.Module) {
			return true
		}
	}
	return false
}

// isOwnModule reports whether a module is documented on nginx.org. Many from elsewhere have names like those.
func isOwnModule(name string) bool {
	switch name {
	case "ngx_core_module", "ngx_mail_module", "ngx_stream_module", "ngx_mgmt_module", "ngx_otel_module", "ngx_google_perftools_module",
		"ngx_devpoll_module", "ngx_epoll_module", "ngx_eventport_module", "ngx_iocp_module", "ngx_kqueue_module", "ngx_rtsig_module":
		return true
	case "ngx_http_accounting_module", "ngx_http_app_protect_module", "ngx_http_app_protect_dos_module", "ngx_http_auth_pam_module",
		"ngx_http_dyups_module", "ngx_http_enhanced_memcached_module", "ngx_http_geoip2_module", "ngx_http_healthcheck_module",
		"ngx_http_limit_traffic_ratefilter_module", "ngx_http_mysql_test_module", "ngx_http_proxy_connect_module",
		"ngx_http_secure_download_module", "ngx_http_ssl_status_module", "ngx_http_substitutions_filter_module",
		"ngx_http_upstream_ketama_chash_module":
		return false
	}
	rest, prefixed := strings.CutPrefix(name, "ngx_")
	family, _, _ := strings.Cut(rest, "_")
	return prefixed && strings.HasSuffix(rest, "_module") && (family == "http" || family == "stream" || family == "mail")
}
