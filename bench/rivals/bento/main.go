// Bento's mapping over messages in memory: parse, check against a JSON Schema, filter, transform, print; no I/O.
// Usage: bento-mapping MAPPING-FILE MESSAGE-FILE COUNT; prints the CPU time of the whole process per message, in ns.
package main

import (
	"fmt"
	"os"
	"strconv"
	"syscall"

	"github.com/warpstreamlabs/bento/public/bloblang"
	"github.com/warpstreamlabs/bento/public/service"
	_ "github.com/warpstreamlabs/bento/public/components/pure"
)

func cpuNs() int64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic(err)
	}
	return usage.Utime.Nano() + usage.Stime.Nano()
}

func main() {
	mapping, err := os.ReadFile(os.Args[1])
	if err != nil {
		panic(err)
	}
	payload, err := os.ReadFile(os.Args[2])
	if err != nil {
		panic(err)
	}
	count, err := strconv.Atoi(os.Args[3])
	if err != nil {
		panic(err)
	}
	executor, err := bloblang.Parse(string(mapping))
	if err != nil {
		panic(err)
	}
	last := ""
	run := func(times int) {
		for i := 0; i < times; i++ {
			mapped, err := service.NewMessage(payload).BloblangQuery(executor)
			if err != nil {
				panic(err)
			}
			bytes, err := mapped.AsBytes()
			if err != nil {
				panic(err)
			}
			if i == times-1 {
				last = string(bytes)
			}
		}
	}
	run(count / 10)
	began := cpuNs()
	run(count)
	fmt.Fprintln(os.Stderr, last)
	fmt.Println((cpuNs() - began) / int64(count))
}
