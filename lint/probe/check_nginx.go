package probe

import "github.com/proxylint/proxylint/parsers/proxy"

func nginxCheck(t *Target, u *proxy.Upstream, r *proxy.Route) *Check { return nil }
