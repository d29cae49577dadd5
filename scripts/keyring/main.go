// The keyring of the kubelet as a filter: one JSON object a line in, one a line out.
//
// In: the pull secrets of a pod in their order and the image of a container. Out: the credentials
// that the kubelet would try, in its order, or the class of the error that keeps it from trying any.
package main

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"os"
	"reflect"
	"strconv"
	"strings"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	utilfeature "k8s.io/apiserver/pkg/util/feature"
	"k8s.io/klog/v2"
	"k8s.io/kubernetes/pkg/credentialprovider"
	"k8s.io/kubernetes/pkg/credentialprovider/secrets"
	_ "k8s.io/kubernetes/pkg/features"
	"k8s.io/kubernetes/pkg/util/parsers"
)

// secret is a pull secret. Its name is its place in the list.
type secret struct {
	Type string
	Data map[string][]byte
}

type input struct {
	Secrets []secret
	Image   []byte
}

// credential is one that the kubelet would try. Bytes are base64 in JSON.
type credential struct {
	Secret   int    `json:"secret"`
	User     []byte `json:"user"`
	Password []byte `json:"password"`
}

type output struct {
	Error string       `json:"error,omitempty"`
	Name  string       `json:"name,omitempty"`
	Tried []credential `json:"tried,omitempty"`
}

func main() {
	klog.SetLogger(klog.Logger{})
	// Without this gate, alpha in 1.34, credentials lack the secret that they are of. Versions that
	// lack the gate have nothing to set.
	_ = utilfeature.DefaultMutableFeatureGate.Set("KubeletEnsureSecretPulledImages=true")
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(make([]byte, 1<<20), 1<<26)
	buffered := bufio.NewWriterSize(os.Stdout, 1<<16)
	out := json.NewEncoder(buffered)
	for in.Scan() {
		var pair input
		if err := json.Unmarshal(in.Bytes(), &pair); err != nil {
			log.Fatal(err)
		}
		if err := out.Encode(lookUp(pair)); err != nil {
			log.Fatal(err)
		}
	}
	if err := errors.Join(in.Err(), buffered.Flush()); err != nil {
		log.Fatal(err)
	}
}

// lookUp does what EnsureImageExists of pkg/kubelet/images/image_manager.go does with the same, on a
// node without credentials of its own.
func lookUp(pair input) output {
	repository, _, _, err := parsers.ParseImageName(string(pair.Image))
	if err != nil {
		return output{Error: "image " + classOfImage(string(pair.Image), err)}
	}
	var passed []v1.Secret
	for place, secret := range pair.Secrets {
		name := metav1.ObjectMeta{Name: strconv.Itoa(place)}
		passed = append(passed, v1.Secret{ObjectMeta: name, Type: v1.SecretType(secret.Type), Data: secret.Data})
	}
	keyring, err := secrets.MakeDockerKeyring(passed, credentialprovider.UnionDockerKeyring{})
	if err != nil {
		return output{Error: "secret " + classOfSecret(err)}
	}
	found, _ := keyring.Lookup(repository)
	result := output{Name: repository}
	for _, each := range found {
		result.Tried = append(result.Tried, credential{sourceOf(each), []byte(each.Username), []byte(each.Password)})
	}
	return result
}

// sourceOf returns the place of the secret, or -1 for a version that does not track it.
func sourceOf(tracked any) int {
	source := reflect.ValueOf(tracked).FieldByName("Source")
	if !source.IsValid() || source.IsNil() {
		return -1
	}
	// A pointer since 1.34.
	secret := reflect.Indirect(source.Elem().FieldByName("Secret"))
	place, err := strconv.Atoi(secret.FieldByName("Name").String())
	if err != nil {
		log.Fatal(err)
	}
	return place
}

// classOfImage goes by the text, for ParseImageName does not wrap the cause.
func classOfImage(image string, err error) string {
	cause := strings.TrimPrefix(err.Error(), "couldn't parse image name")
	cause = strings.TrimPrefix(strings.TrimPrefix(cause, fmt.Sprintf(" %q", image)), ": ")
	switch {
	case strings.HasPrefix(cause, "invalid repository name ("):
		return "identifier"
	case strings.HasPrefix(cause, "invalid reference format: repository name"),
		cause == "repository name must be lowercase":
		return "uppercase"
	case strings.HasPrefix(cause, "repository name must not be more than"):
		return "long"
	case cause == "invalid reference format":
		return "format"
	case cause == "unsupported digest algorithm":
		return "digest-algorithm"
	case cause == "invalid checksum digest length":
		return "digest-length"
	case cause == "invalid checksum digest format":
		return "digest-format"
	}
	return cause
}

func classOfSecret(err error) string {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	var corrupt base64.CorruptInputError
	switch {
	case errors.As(err, &syntax):
		return fmt.Sprintf("syntax %d", syntax.Offset)
	case errors.As(err, &kind):
		return "type"
	case errors.As(err, &corrupt):
		return fmt.Sprintf("base64 %d", int64(corrupt))
	case strings.HasPrefix(err.Error(), "unable to parse auth field"):
		return "colon"
	}
	return err.Error()
}
