//! Proxies with their settings, and what a TLS terminator needs.

use crate::world::{INSIDE, World};

/// Squid on port 3128, with rules that say who may use it.
pub(crate) fn squid(world: &mut World, access: &str) {
    let folder = world.path("");
    let folder = folder.display();
    let config = format!(
        "http_port {v4}:3128\nhttp_port [{v6}]:3128\nhosts_file {folder}/hosts\npid_filename none\naccess_log none\n\
         cache_log {folder}/squid.log\ncache deny all\nshutdown_lifetime 0 seconds\ncoredump_dir {folder}\n\
         pinger_enable off\ndns_nameservers 127.0.0.1\nvisible_hostname squid.example\n{access}\n",
        v4 = INSIDE[0],
        v6 = INSIDE[1],
    );
    let config = world.write("squid.conf", &config);
    // Killed, it leaves its shared memory behind: with that mount nobody sees it.
    world.start(&format!("mount -t tmpfs none /dev/shm && exec squid -N -f {}", config.display()), &[3128]);
}

/// Dante on port 1080, with a way to authenticate: `none`, or `username` (clerk, geheim77).
pub(crate) fn dante(world: &mut World, method: &str) {
    let config = format!(
        "logoutput: stderr\ninternal: {} port = 1080\ninternal: {} port = 1080\nexternal: out0\nclientmethod: none\n\
         socksmethod: {method}\nuser.privileged: root\nuser.unprivileged: nobody\n\
         client pass {{ from: 0/0 to: 0/0 }}\nsocks pass {{ from: 0/0 to: 0/0 }}\n",
        INSIDE[0], INSIDE[1],
    );
    let config = world.write("danted.conf", &config);
    // Its users and names are the machine's: in a mount namespace of its own it sees ours.
    let shared = |name: &str| format!("mount --bind {} /etc/{name} && ", world.path(name).display());
    let mut line = shared("hosts");
    if method == "username" {
        let hash = world.middle.run("openssl passwd -6 geheim77");
        world
            .write("passwd", "root:x:0:0::/:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\nclerk:x:4321:65534::/:/bin/sh\n");
        world.write("shadow", &format!("root:*:1::::::\nnobody:*:1::::::\nclerk:{}:1::::::\n", hash.trim()));
        line += &(shared("passwd") + &shared("shadow"));
    }
    world.start(&format!("{line}exec danted -f {}", config.display()), &[1080]);
}

/// Makes a certificate with its key, in one file.
pub(crate) fn certificate(world: &World) -> String {
    let path = world.path("both.pem").display().to_string();
    world.middle.run(&format!(
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=front.example \
         -keyout {path}.key -out {path}.crt && cat {path}.crt {path}.key > {path} && chmod 644 {path}*"
    ));
    path
}
