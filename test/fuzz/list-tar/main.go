// Lists tars with Go's archive/tar, a line of JSON each: entries, or why there are none.
package main

import (
	"archive/tar"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
)

type entry struct {
	Type    string `json:"type"`
	Path    string `json:"path"`
	Link    string `json:"link"`
	Mode    int64  `json:"mode"`
	Uid     int    `json:"uid"`
	Gid     int    `json:"gid"`
	Seconds int64  `json:"seconds"`
	Size    int64  `json:"size"`
	Device  string `json:"device"`
}

type listing struct {
	Entries []entry `json:"entries"`
	Content string  `json:"content"`
	Error   string  `json:"error,omitempty"`
}

const maxSize = 1 << 26

var kinds = map[byte]string{
	tar.TypeReg: "file", tar.TypeRegA: "file", tar.TypeCont: "file", tar.TypeGNUSparse: "file",
	tar.TypeLink: "hardlink", tar.TypeSymlink: "symlink", tar.TypeChar: "character", tar.TypeBlock: "block",
	tar.TypeDir: "directory", tar.TypeFifo: "fifo",
}

// Bytes as a latin-1 string.
func text(bytes string) string {
	var runes []rune
	for i := 0; i < len(bytes); i++ {
		runes = append(runes, rune(bytes[i]))
	}
	return string(runes)
}

func list(path string) (result listing) {
	result.Entries = []entry{}
	file, err := os.Open(path)
	if err != nil {
		panic(err)
	}
	defer file.Close()
	reader := tar.NewReader(file)
	content := sha256.New()
	for {
		header, err := reader.Next()
		if err == io.EOF {
			result.Content = hex.EncodeToString(content.Sum(nil))
			return
		}
		if err != nil {
			result.Error = err.Error()
			return
		}
		if header.Typeflag == tar.TypeXGlobalHeader {
			continue
		}
		kind, known := kinds[header.Typeflag]
		if !known {
			result.Error = fmt.Sprintf("type %q", header.Typeflag)
			return
		}
		one := entry{Type: kind, Path: text(strings.TrimRight(header.Name, "/")), Mode: header.Mode & 07777, Uid: header.Uid, Gid: header.Gid, Seconds: header.ModTime.Unix()}
		if kind == "hardlink" || kind == "symlink" {
			one.Link = text(header.Linkname)
		}
		if kind == "character" || kind == "block" {
			one.Device = fmt.Sprintf("%d:%d", header.Devmajor, header.Devminor)
		}
		if kind == "file" {
			one.Size = header.Size
			if header.Size > maxSize {
				result.Error = "too large"
				return
			}
			if _, err := io.Copy(content, reader); err != nil {
				result.Error = err.Error()
				return
			}
		}
		result.Entries = append(result.Entries, one)
	}
}

func main() {
	out := json.NewEncoder(os.Stdout)
	for _, path := range os.Args[1:] {
		out.Encode(list(path))
	}
}
