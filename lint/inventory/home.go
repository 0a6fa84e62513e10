package inventory

import "github.com/proxylint/proxylint/parsers/proxy"

// Associate finds out where each configuration runs.
func (f *Facts) Associate([]*proxy.Config) {}
