package inventory

import "github.com/proxylint/proxylint/parsers/syntax"

// isTomcatName reports whether a file may be a Tomcat server.xml, by its path.
func isTomcatName(string) bool { return false }

// holdsTomcat reports whether a text is a Tomcat server.xml.
func holdsTomcat(string) bool { return false }

// tomcat reads a Tomcat server.xml.
func (r *reader) tomcat(*syntax.File) {}
