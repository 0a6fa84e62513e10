bind = "unix:/run/app.sock"
user = "app"
group = "app"
umask = 0o007
