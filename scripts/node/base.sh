#!/bin/sh
# Turns a minimal Debian into the base of a kind node; run by mmdebstrap with the root folder.
# It does what the Dockerfile of kind's base image does (images/base in kind's source), whose files
# are expected in $KIND_BASE.
set -eu
root=$1

cp -r "$KIND_BASE/files/usr" "$KIND_BASE/files/kind" "$KIND_BASE/files/etc" "$root/"
chmod -R u=rwX,go=rX "$root/kind" "$root/etc/containerd" "$root/etc/systemd/system"
chmod 755 "$root"/usr/local/bin/* "$root"/kind/bin/*

# Units that have no place in a container.
find "$root/lib/systemd/system/sysinit.target.wants/" -name systemd-tmpfiles-setup.service -delete
rm -f "$root"/lib/systemd/system/multi-user.target.wants/* \
  "$root"/lib/systemd/system/local-fs.target.wants/* \
  "$root"/lib/systemd/system/basic.target.wants/* \
  "$root"/lib/systemd/system/sockets.target.wants/*udev* \
  "$root"/lib/systemd/system/sockets.target.wants/*initctl* \
  "$root"/etc/systemd/system/*.wants/*
echo ReadKMsg=no >>"$root/etc/systemd/journald.conf"
ln -sf /usr/lib/systemd/systemd "$root/sbin/init"
systemctl --root "$root" enable kubelet.service containerd.service undo-mount-hacks.service
systemctl --root "$root" mask systemd-binfmt.service

mkdir -p "$root/etc/kubernetes/manifests" "$root/etc/cni/net.d" "$root/opt/cni/bin" "$root/kind/manifests"
rm -rf "$root"/usr/share/doc/* "$root"/usr/share/man/* "$root"/usr/share/locale/* \
  "$root"/var/lib/apt/lists/* "$root"/var/cache/apt/* "$root"/var/log/*.log
