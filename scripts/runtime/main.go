// Command pullproof-runc is runc for an engine whose bounding set lacks CAP_SYS_RESOURCE.
//
// A privileged container asks for every capability that the kernel knows, and runc then fails with
// "unable to apply caps". This command takes the one that cannot be had out of the request, and
// becomes runc. It runs at each start of a container and each exec, so it starts nothing else and
// leaves a request without that capability as it is.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

const missing = "CAP_SYS_RESOURCE"

func main() {
	err := run(os.Args[1:])
	fmt.Fprintln(os.Stderr, "pullproof-runc:", err)
	os.Exit(1)
}

// run returns only if runc could not be started.
func run(args []string) error {
	if file, path := request(args); file != "" {
		if err := rewrite(file, path); err != nil {
			return err
		}
	}
	runc, err := exec.LookPath("runc")
	if err != nil {
		return err
	}
	return syscall.Exec(runc, append([]string{"runc"}, args...), os.Environ())
}

// request finds the file in which runc's arguments name the wanted capabilities, and where in its
// JSON the process stands: in "process" of a bundle's config.json, or at the top of exec's file.
func request(args []string) (file string, path []string) {
	command, bundle, process := "", ".", ""
	for i, arg := range args {
		name, value, joined := strings.Cut(arg, "=")
		if !joined && i+1 < len(args) {
			value = args[i+1]
		}
		switch {
		case name == "--bundle" || name == "-b":
			bundle = value
		case name == "--process" || name == "-p":
			process = value
		case command == "" && (arg == "create" || arg == "run" || arg == "exec"):
			command = arg
		}
	}
	switch command {
	case "create", "run":
		return filepath.Join(bundle, "config.json"), []string{"process", "capabilities"}
	case "exec":
		return process, []string{"capabilities"}
	}
	return "", nil
}

// rewrite takes the capability out of every set below path.
func rewrite(file string, path []string) error {
	before, err := os.ReadFile(file)
	if err != nil || !bytes.Contains(before, []byte(missing)) {
		return err
	}
	after, err := without(before, path)
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	return os.WriteFile(file, after, 0o600)
}

// without descends along path and leaves everything beside it byte for byte.
func without(value json.RawMessage, path []string) (json.RawMessage, error) {
	var object map[string]json.RawMessage
	if err := json.Unmarshal(value, &object); err != nil {
		return nil, err
	}
	if len(path) > 0 {
		inner, present := object[path[0]]
		if !present {
			return value, nil
		}
		inner, err := without(inner, path[1:])
		if err != nil {
			return nil, err
		}
		object[path[0]] = inner
		return json.Marshal(object)
	}
	for name, set := range object {
		var capabilities []string
		if err := json.Unmarshal(set, &capabilities); err != nil {
			return nil, err
		}
		kept := []string{}
		for _, capability := range capabilities {
			if capability != missing {
				kept = append(kept, capability)
			}
		}
		text, err := json.Marshal(kept)
		if err != nil {
			return nil, err
		}
		object[name] = text
	}
	return json.Marshal(object)
}
