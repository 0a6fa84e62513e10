package inventory

// ReadFile is written by someone else.
func (f *Facts) ReadFile(path string) error { return f.ReadHosts(path) }
