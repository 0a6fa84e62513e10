package main

import (
	"os"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// environmental are the flags that may be given as PROXYLINT_NAME: those that say how to judge and to report, none
// that changes a file or dials.
var environmental = []string{
	"baseline", "color", "config", "dialect", "fail-on", "format", "haproxy-version", "hosts", "inventory",
	"nginx-version", "no-config", "no-inventory",
}

// fromEnvironment returns the flags that the environment gives and the arguments do not. One that may be repeated has commas
// between its values.
func fromEnvironment(command *cli.Command, args []string) []string {
	var flags []string
	for _, flag := range command.Flags {
		name := flag.Names()[0]
		value := os.Getenv(variableOf(name))
		if value == "" || !slices.Contains(environmental, name) || isGiven(name, args) {
			continue
		}
		if name == "format" && command.Name != "lint" {
			continue // other commands have other formats
		}
		if name == "config" && command.Name == "logs" {
			continue // it names what the logs are of, not settings
		}
		values := []string{value}
		if isRepeatable(flag) {
			values = strings.Split(value, ",")
		}
		for _, value := range values {
			flags = append(flags, "--"+name+"="+value)
		}
	}
	return flags
}

// isRepeatable reports whether a flag may be given several times.
func isRepeatable(flag cli.Flag) bool {
	if choice, ok := flag.(choiceFlag); ok {
		flag = choice.helpedFlag
	}
	_, isList := flag.(*cli.GenericFlag)
	return isList
}

// variableOf returns the environment variable of a flag: PROXYLINT_FAIL_ON for fail-on.
func variableOf(flag string) string {
	return "PROXYLINT_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// isGiven reports whether a flag is among arguments that are in order: flags, "--", paths.
func isGiven(name string, args []string) bool {
	for _, arg := range args {
		if arg == "--" {
			break
		}
		if given, _, _ := strings.Cut(strings.TrimLeft(arg, "-"), "="); strings.HasPrefix(arg, "-") && given == name {
			return true
		}
	}
	return false
}
