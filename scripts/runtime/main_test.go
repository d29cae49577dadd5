package main

import (
	"os"
	"path/filepath"
	"testing"
)

func TestRequest(t *testing.T) {
	for _, test := range []struct {
		name string
		args []string
		file string
	}{
		{"create", []string{"--root", "/run/x", "create", "--bundle", "/b", "--pid-file", "/p", "id"}, "/b/config.json"},
		{"run in the folder itself", []string{"run", "id"}, "config.json"},
		{"exec", []string{"--root=/run/x", "exec", "--process=/tmp/p", "id"}, "/tmp/p"},
		{"exec without a file", []string{"exec", "id", "sh"}, ""},
		{"another command", []string{"kill", "id", "9"}, ""},
	} {
		if file, _ := request(test.args); file != test.file {
			t.Errorf("%s: file %q, want %q", test.name, file, test.file)
		}
	}
}

func TestRewrite(t *testing.T) {
	for _, test := range []struct {
		name, before, after string
		path                []string
	}{
		{
			"the process of a bundle",
			`{"hostname":"x","process":{"args":["CAP_SYS_RESOURCE"],"capabilities":{"bounding":["CAP_CHOWN","CAP_SYS_RESOURCE"]}}}`,
			`{"hostname":"x","process":{"args":["CAP_SYS_RESOURCE"],"capabilities":{"bounding":["CAP_CHOWN"]}}}`,
			[]string{"process", "capabilities"},
		},
		{
			"exec's process",
			`{"capabilities":{"effective":["CAP_SYS_RESOURCE"],"permitted":null},"cwd":"/"}`,
			`{"capabilities":{"effective":[],"permitted":[]},"cwd":"/"}`,
			[]string{"capabilities"},
		},
		{"no capabilities", `{"args":["CAP_SYS_RESOURCE"]}`, `{"args":["CAP_SYS_RESOURCE"]}`, []string{"capabilities"}},
		{"not asked for", `{ "capabilities": {} }`, `{ "capabilities": {} }`, []string{"capabilities"}},
	} {
		file := filepath.Join(t.TempDir(), "config.json")
		if err := os.WriteFile(file, []byte(test.before), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := rewrite(file, test.path); err != nil {
			t.Fatal(test.name, err)
		}
		after, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if string(after) != test.after {
			t.Errorf("%s: %s, want %s", test.name, after, test.after)
		}
	}
}
