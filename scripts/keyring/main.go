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

type question struct {
	Secrets []secret
	Image   []byte
}

// credential is what one line of an answer says of a credential; bytes are base64.
type credential struct {
	Secret   int    `json:"secret"`
	User     []byte `json:"user"`
	Password []byte `json:"password"`
}

type answer struct {
	Error string       `json:"error,omitempty"`
	Name  string       `json:"name,omitempty"`
	Tried []credential `json:"tried,omitempty"`
}

func main() {
	klog.SetLogger(klog.Logger{})
	// Without this gate, alpha in 1.34, credentials do not say which secret they are of. Versions
	// that lack it have nothing to set.
	_ = utilfeature.DefaultMutableFeatureGate.Set("KubeletEnsureSecretPulledImages=true")
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(make([]byte, 1<<20), 1<<26)
	buffered := bufio.NewWriterSize(os.Stdout, 1<<16)
	out := json.NewEncoder(buffered)
	for in.Scan() {
		var asked question
		if err := json.Unmarshal(in.Bytes(), &asked); err != nil {
			log.Fatal(err)
		}
		if err := out.Encode(answered(asked)); err != nil {
			log.Fatal(err)
		}
	}
	if err := errors.Join(in.Err(), buffered.Flush()); err != nil {
		log.Fatal(err)
	}
}

// answered does what EnsureImageExists of pkg/kubelet/images/image_manager.go does with the same,
// on a node without credentials of its own.
func answered(asked question) answer {
	repository, _, _, err := parsers.ParseImageName(string(asked.Image))
	if err != nil {
		return answer{Error: "image " + classOfImage(string(asked.Image), err)}
	}
	var passed []v1.Secret
	for place, secret := range asked.Secrets {
		name := metav1.ObjectMeta{Name: strconv.Itoa(place)}
		passed = append(passed, v1.Secret{ObjectMeta: name, Type: v1.SecretType(secret.Type), Data: secret.Data})
	}
	keyring, err := secrets.MakeDockerKeyring(passed, credentialprovider.UnionDockerKeyring{})
	if err != nil {
		return answer{Error: "secret " + classOfSecret(err)}
	}
	found, _ := keyring.Lookup(repository)
	says := answer{Name: repository}
	for _, each := range found {
		says.Tried = append(says.Tried, credential{sourceOf(each), []byte(each.Username), []byte(each.Password)})
	}
	return says
}

// sourceOf returns the place of the secret, or -1 for a version that does not track it.
func sourceOf(tracked any) int {
	source := reflect.ValueOf(tracked).FieldByName("Source")
	if !source.IsValid() || source.IsNil() {
		return -1
	}
	place, err := strconv.Atoi(source.Elem().FieldByName("Secret").Elem().FieldByName("Name").String())
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
