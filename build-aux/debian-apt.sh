# Sourced by what takes packages from Debian's archive without installing them: apt with lists, cache and package
# status of its own. Only the mirror's address and the keyrings are the machine's, and any user may run it.

# The Debian entries among the machine's apt sources as "URI SUITE"; other vendors' rarely carry foreign
# architectures or sources. Entries tell themselves from others by what the machine has already verified: the
# Origin of the release file is Debian.
debian_sources() {
	apt-get indextargets --format '$(SITE)|$(REPO_URI)|$(RELEASE)|$(COMPONENT)|$(ORIGIN)|$(CREATED_BY)' |
		awk -F'|' '$4 == "main" && $5 == "Debian" && $6 == "Packages" { print $2, $3 }' | sort -u
}

# apt_private STATE-DIRECTORY ARCHITECTURE COMMAND [ARGUMENT...]; the sources are STATE-DIRECTORY/sources.list
apt_private() {
	state=$1 arch=$2 command=$3
	shift 3
	apt-get -q -q \
		-o Dir::State="$state" -o Dir::State::status=/dev/null -o Dir::Cache="$state/cache" \
		-o Dir::Cache::pkgcache=pkgcache.bin -o Dir::Cache::srcpkgcache=srcpkgcache.bin \
		-o Dir::Etc::sourcelist="$state/sources.list" -o Dir::Etc::sourceparts=/dev/null \
		-o Dir::Etc::preferencesparts=/dev/null -o APT::Architecture="$arch" \
		-o APT::Architectures::="$arch" -o APT::Update::Post-Invoke::= -o APT::Sandbox::User= \
		-o APT::Get::List-Cleanup=false -o Acquire::Languages=none -o Acquire::Retries=2 \
		-o Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false \
		"$command" "$@"
}

here=$(. /etc/os-release && echo "${VERSION_CODENAME:-bookworm}")
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
[ -r $keyring ] || keyring=
