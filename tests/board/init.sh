#!/bin/busybox sh
# The first process of the box: what a small board's vendor would have put there. It has the commands named below, a
# writable disk on /data with the homes and /var/tmp on it, and dropbear. (Its shell also finds what else is built into
# busybox, which has no nohup.)
bb=/bin/busybox

$bb chmod 755 /
$bb mkdir -p /bin /sbin /dev /proc /sys /tmp /run /data /root /home/user /var/tmp /etc
for name in '[' ash awk basename cat chmod chown cmp cp cut date dd df dirname du echo env expr false find grep head \
	hostname id kill ln ls mkdir mkfifo mv nice od printf ps pwd rm rmdir sed sh sleep sort sync tail tee test touch tr \
	true tty umount uname uniq wc xargs; do
	$bb ln -sf busybox "/bin/$name"
done
PATH=/bin:/sbin:/usr/bin:/usr/sbin
export PATH
$bb mount -t proc proc /proc
$bb mount -t sysfs sysfs /sys
$bb mount -t devtmpfs dev /dev 2>/dev/null
mkdir -p /dev/pts /dev/shm
$bb mount -t devpts -o mode=620,ptmxmode=666 devpts /dev/pts
$bb mount -t tmpfs -o mode=1777 shm /dev/shm
ln -sf /proc/self/fd /dev/fd

tmp=rw home= small=64
for word in $(cat /proc/cmdline); do
	case $word in
	board.tmp=*) tmp=${word#*=} ;;
	board.tmp-mib=*) small=${word#*=} ;;
	board.home=*) home=${word#*=} ;;
	esac
done
while read -r module; do
	$bb insmod "$module"
done </xtest/modules.list
rm -rf /xtest

$bb mount -t tmpfs -o "mode=1777,size=${small}m,$tmp" tmp /tmp
for i in 1 2 3 4 5 6 7 8 9 10; do
	[ -b /dev/vda ] && break
	sleep 0.1
done
$bb mount -t ext4 /dev/vda /data || echo "board: no disk"
for dir in root home/user var/tmp; do
	mkdir -p "/data/$dir" "/$dir"
	$bb mount -o bind "/data/$dir" "/$dir"
done
chmod 1777 /var/tmp
for dir in /root /home/user; do
	mkdir -p "$dir/.ssh"
	cp /etc/authorized_keys "$dir/.ssh/authorized_keys"
	chmod 700 "$dir" "$dir/.ssh"
done
chown -R 1000:1000 /home/user
if [ "$home" = ro ]; then
	$bb mount -o remount,bind,ro /root
	$bb mount -o remount,bind,ro /home/user
fi

hostname board
$bb ip link set lo up
for i in 1 2 3 4 5 6 7 8 9 10; do
	[ -e /sys/class/net/eth0 ] && break
	sleep 0.1
done
$bb ip addr add 10.0.2.15/24 dev eth0
$bb ip link set eth0 up
$bb ip route add default via 10.0.2.2
echo "board: up"
exec $bb init
