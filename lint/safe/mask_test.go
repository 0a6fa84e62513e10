package safe

import "testing"

func TestMask(t *testing.T) {
	for in, want := range map[string]string{
		// HAProxy
		`stats auth admin:s3cret`:                                                  `stats auth admin:***`,
		`stats auth "admin:my pass"`:                                               `stats auth "admin:***`,
		`# stats auth admin:s3cret`:                                                `# stats auth admin:***`,
		"stats \\\n auth admin:s3cret":                                             "stats \\\n auth admin:***",
		`user bob insecure-password s3cret groups g`:                               `user bob insecure-password *** groups g`,
		`user bob groups g password $6$rounds$hash`:                                `user bob groups g password ***`,
		`user bob password "${BOB}"`:                                               `user bob password "${BOB}"`,
		`user bob password my\ pass`:                                               `user bob password ***`,
		`http-request set-header Authorization "Basic dTpw" if x`:                  `http-request set-header Authorization *** if x`,
		`http-request set-header Authorization Basic\ dTpw if x`:                   `http-request set-header Authorization *** if x`,
		`http-request set-header X-Token %[var(txn.t)]`:                            `http-request set-header X-Token %[var(txn.t)]`,
		`http-request replace-header Authorization (.*) "Basic x"`:                 `http-request replace-header Authorization ***`,
		`http-check send meth GET hdr Authorization "Bearer x"`:                    `http-check send meth GET hdr Authorization ***`,
		`option httpchk GET / HTTP/1.1\r\nAuthorization:\ Basic\ dTpw\r\nHost:\ a`: `option httpchk GET / HTTP/1.1\r\nAuthorization:\ ***\r\nHost:\ a`,
		`tcp-check send AUTH\ s3cret\r\n`:                                          `tcp-check send AUTH\ ***\r\n`,
		`cluster-secret "my word"`:                                                 `cluster-secret ***`,
		`dynamic-cookie-key word # x`:                                              `dynamic-cookie-key *** # x`,
		`setenv DB_PASSWORD s3cret`:                                                `setenv DB_PASSWORD ***`,

		// nginx
		`proxy_set_header Authorization "Basic dTpw";`:        `proxy_set_header Authorization ***;`,
		`proxy_set_header Authorization Basic dTpw;`:          `proxy_set_header Authorization ***;`,
		`proxy_set_header Authorization "Basic dTpw`:          `proxy_set_header Authorization ***`,
		`proxy_set_header AUTHORIZATION 'x;y';`:               `proxy_set_header AUTHORIZATION ***;`,
		`proxy_set_header X-Api-Key abc;`:                     `proxy_set_header X-Api-Key ***;`,
		`proxy_set_header Authorization "";`:                  `proxy_set_header Authorization "";`,
		`proxy_set_header Authorization $http_authorization;`: `proxy_set_header Authorization $http_authorization;`,
		`proxy_set_header Authorization "Bearer $token";`:     `proxy_set_header Authorization "Bearer $token";`,
		`more_set_input_headers "Authorization: Basic dTpw";`: `more_set_input_headers "Authorization: ***";`,
		`fastcgi_param DB_PASSWORD s3cret;`:                   `fastcgi_param DB_PASSWORD ***;`,
		`set $api_token "abc";`:                               `set $api_token ***;`,
		`if ($http_x_api_key != "abc") {`:                     `if ($http_x_api_key != ***) {`,
		`secure_link_secret word;`:                            `secure_link_secret ***;`,
		`client_secret abc;`:                                  `client_secret ***;`,
		"a:\n  - \"DB_PASSWORD\": 'my word'\n  b: c":          "a:\n  - \"DB_PASSWORD\": ***\n  b: c",
		`env API_TOKEN=abc;`:                                  `env API_TOKEN=***;`,
		`"Basic dXNlcjpwYXNz" bob;`:                           `"Basic ***" bob;`,
		`proxy_pass http://bob:s3cret@app/?token=abc&a=b;`:    `proxy_pass http://bob:***@app/?token=***&a=b;`,

		// nothing secret
		`proxy_pass http://app:9000/a@b;`:               `proxy_pass http://app:9000/a@b;`,
		`auth_basic "Basic authentication";`:            `auth_basic "Basic authentication";`,
		`proxy_ssl_password_file /etc/keys/pass;`:       `proxy_ssl_password_file /etc/keys/pass;`,
		"secrets:\n  token:\n    file: a":               "secrets:\n  token:\n    file: a",
		`server_tokens off;`:                            `server_tokens off;`,
		`use_backend token-api if { path /token }`:      `use_backend token-api if { path /token }`,
		`proxy_hide_header Authorization; listen 80;`:   `proxy_hide_header Authorization; listen 80;`,
		`limit_req_zone $http_authorization zone=a:1m;`: `limit_req_zone $http_authorization zone=a:1m;`,
		`set proxy_ssl_password_file to a path`:         `set proxy_ssl_password_file to a path`,
	} {
		if got := Mask(in, nil); got != want {
			t.Errorf("mask(%s)\n got %s\nwant %s", in, got, want)
		}
	}
}

func TestMaskKnown(t *testing.T) {
	known := []string{"my pass", "pass"}
	in := `"my pass" is not pass, passes, _pass or bypass`
	want := `"***" is not ***, passes, _pass or bypass`
	if got := Mask(in, known); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
