package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/edge-proxy/edge-proxy/test/bench/internal/lab"
)

// nginx is a running nginx of one process.
type nginx struct {
	*lab.Process
	cmd *exec.Cmd
}

// configuration has the port, the certificate, its key and the answer. Without a master
// all processor time is that of one process.
const configuration = `daemon off; master_process off; pid nginx.pid; error_log stderr;
events { worker_connections 1024; }
http {
  access_log off;
  keepalive_requests 1000000000;
  client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
  server {
    listen %s ssl;
    ssl_certificate %s;
    ssl_certificate_key %s;
    ssl_protocols TLSv1.2 TLSv1.3;
    location / {
      default_type application/json;
%s    }
  }
}
`

// startNginx starts an nginx that answers every request with the same bytes.
func startNginx(ctx context.Context, directory string, files certificate, answer string) (*nginx, error) {
	if strings.ContainsAny(answer, `$'\`) {
		return nil, fmt.Errorf("nginx cannot be configured with this answer: %.200s", answer)
	}
	reserved, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	address := reserved.Addr().String()
	_ = reserved.Close()
	directory = filepath.Join(directory, "front")
	if err := os.MkdirAll(directory, 0o755); err != nil {
		return nil, err
	}
	file := filepath.Join(directory, "nginx.conf")
	if err := os.WriteFile(file, fmt.Appendf(nil, configuration, address, files.cert, files.key, returning(answer)), 0o600); err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, "taskset", "-c", serverCore, "nginx", "-p", directory, "-c", file, "-e", "stderr")
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	n := &nginx{Process: &lab.Process{Address: address, PID: cmd.Process.Pid}, cmd: cmd} // taskset becomes nginx
	for limit := time.Now().Add(10 * time.Second); ; {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			_ = conn.Close()
			return n, nil
		}
		if time.Now().After(limit) {
			n.stop()
			return nil, fmt.Errorf("nginx does not listen: %w", err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// returning returns the directives that answer with a text. nginx limits the length of one
// parameter.
func returning(answer string) string {
	const longest = 3000
	var directives, all strings.Builder
	for i := 0; answer != ""; i++ {
		part := answer[:min(longest, len(answer))]
		answer = answer[len(part):]
		fmt.Fprintf(&directives, "      set $part%d '%s';\n", i, part)
		fmt.Fprintf(&all, "${part%d}", i)
	}
	return directives.String() + "      return 200 " + all.String() + ";\n"
}

func (n *nginx) stop() {
	_ = n.cmd.Process.Kill()
	_ = n.cmd.Wait()
}
