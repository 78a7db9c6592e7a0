// SPDX-License-Identifier: MIT

// A client of a formation that knows nothing of it but its interface: the calls go through the
// public package for Varlink. It is for test/cli/varlink.bats, and an example of how to write one.
//
//	client unix:SOCKET info
//	client unix:SOCKET describe INTERFACE
//	client unix:SOCKET list
//	client unix:SOCKET scale CHANGE…
//	client unix:SOCKET follow KIND PROCESS       events, until this one happens
//	client unix:SOCKET call METHOD               without parameters
//
// An error that the formation replies is printed by its name, and the exit status is 1; for all
// else that goes wrong it is 2.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/varlink/go/varlink"
	"github.com/varlink/go/varlink/idl"
)

const (
	manager  = "org.formation.Manager"
	patience = 20 * time.Second
)

// Of what a formation tells, a client declares what it needs.
type process struct {
	Name  string `json:"name"`
	State string `json:"state"`
	Pid   int    `json:"pid"`
}

type event struct {
	Sequence int    `json:"sequence"`
	Kind     string `json:"kind"`
	Process  string `json:"process"`
}

type change struct {
	Type string `json:"type"`
	From int    `json:"from"`
	To   int    `json:"to"`
}

func info(ctx context.Context, c *varlink.Connection) error {
	var product, version string
	var interfaces []string
	if err := c.GetInfo(ctx, nil, &product, &version, nil, &interfaces); err != nil {
		return err
	}
	fmt.Println(product, version, strings.Join(interfaces, " "))
	return nil
}

// The package's parser takes no capital letter in the interface's name, which Varlink allows; all
// the rest it has to understand.
func describe(ctx context.Context, c *varlink.Connection, name string) error {
	text, err := c.GetInterfaceDescription(ctx, name)
	if err != nil {
		return err
	}
	declaration := "\ninterface " + name + "\n"
	if !strings.Contains(text, declaration) {
		return fmt.Errorf("the description is not of %s", name)
	}
	parsed, err := idl.New(strings.Replace(text, declaration, strings.ToLower(declaration), 1))
	if err != nil {
		return err
	}
	for _, method := range parsed.Methods {
		fmt.Println("method", method.Name)
	}
	for _, e := range parsed.Errors {
		fmt.Println("error", e.Name)
	}
	return nil
}

func list(ctx context.Context, c *varlink.Connection) error {
	var reply struct {
		Processes []process `json:"processes"`
	}
	if err := c.Call(ctx, manager+".List", nil, &reply); err != nil {
		return err
	}
	for _, p := range reply.Processes {
		fmt.Println(p.Name, p.State, p.Pid)
	}
	return nil
}

func scale(ctx context.Context, c *varlink.Connection, changes []string) error {
	parameters := struct {
		Changes []string `json:"changes"`
		Wait    bool     `json:"wait"`
	}{changes, true}
	var reply struct {
		Changes []change `json:"changes"`
	}
	if err := c.Call(ctx, manager+".Scale", parameters, &reply); err != nil {
		return err
	}
	for _, changed := range reply.Changes {
		fmt.Println(changed.Type, changed.From, changed.To)
	}
	return nil
}

func follow(ctx context.Context, c *varlink.Connection, kind, name string) error {
	parameters := struct {
		Follow bool `json:"follow"`
	}{true}
	receive, err := c.Send(ctx, manager+".Events", parameters, varlink.More)
	if err != nil {
		return err
	}
	for {
		var reply struct {
			Event *event `json:"event"`
		}
		flags, err := receive(ctx, &reply)
		if err != nil {
			return err
		}
		if flags&varlink.Continues == 0 {
			return errors.New("the stream has ended")
		}
		if reply.Event == nil {
			continue // events were lost, says this reply
		}
		fmt.Println(reply.Event.Sequence, reply.Event.Kind, reply.Event.Process)
		if reply.Event.Kind == kind && reply.Event.Process == name {
			return nil
		}
	}
}

func run(ctx context.Context, address, command string, words []string) error {
	c, err := varlink.NewConnection(ctx, address)
	if err != nil {
		return err
	}
	defer c.Close()
	switch {
	case command == "info" && len(words) == 0:
		return info(ctx, c)
	case command == "describe" && len(words) == 1:
		return describe(ctx, c, words[0])
	case command == "list" && len(words) == 0:
		return list(ctx, c)
	case command == "scale":
		return scale(ctx, c, words)
	case command == "follow" && len(words) == 2:
		return follow(ctx, c, words[0], words[1])
	case command == "call" && len(words) == 1:
		return c.Call(ctx, words[0], nil, &struct{}{})
	}
	return fmt.Errorf("no such command: %s %s", command, strings.Join(words, " "))
}

// replied tells whether it is an error of the service, and what it says beside its name. The
// package has types of its own for those of org.varlink.service.
func replied(err error) (text string, ok bool) {
	switch e := err.(type) {
	case *varlink.Error:
		if raw, isJSON := e.Parameters.(*json.RawMessage); isJSON && raw != nil {
			text = " " + string(*raw)
		}
		return e.Name + text, true
	case *varlink.InterfaceNotFound:
		return e.Error() + " " + e.Interface, true
	case *varlink.MethodNotFound:
		return e.Error() + " " + e.Method, true
	case *varlink.InvalidParameter:
		return e.Error() + " " + e.Parameter, true
	}
	return "", false
}

func main() {
	if len(os.Args) < 3 {
		fmt.Fprintln(os.Stderr, "client: call it with an address and a command")
		os.Exit(2)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	err := run(ctx, os.Args[1], os.Args[2], os.Args[3:])
	if err == nil {
		return
	}
	if text, ok := replied(err); ok {
		fmt.Println(text)
		os.Exit(1)
	}
	fmt.Fprintln(os.Stderr, "client:", err)
	os.Exit(2)
}
