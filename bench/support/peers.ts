/** Who can bring an image from a registry to a mountable root file system, and how. Shell commands, run as root. */
export interface Peer {
  readonly name: string
  /** Succeeds when the peer is installed. */
  readonly probe: string
  /** What it is given beforehand, not timed. */
  readonly prepare?: string
  /** From nothing to a root file system that can be mounted or entered. */
  readonly pull: string
  /** Back to nothing, not timed. */
  readonly reset: string
  readonly afterwards?: Afterwards
}

/** What can be timed on an image that is here. */
export interface Afterwards {
  /** Shows the root file system, read-only, on `view`. */
  readonly mount: string
  readonly unmount: string
  /** Removes the image and frees what it took. */
  readonly remove: string
}

export interface Where {
  readonly reference: string
  /** A directory for stores and results; the peers see it under the same name. */
  readonly scratch: string
  /** Directory on which results are mounted. */
  readonly view: string
  /** davit's command line. */
  readonly davit: string
  /** Goes before the peers' names: `chroot DIR `, or nothing. */
  readonly prefix: string
  /** containerd's client with its address. */
  readonly ctr: string
  /** docker's client with its address. */
  readonly docker: string
}

const quiet = '>/dev/null'

export function peers(where: Where): readonly Peer[] {
  return [...davits(where), ...containerds(where), ...others(where)]
}

/** Makes davit do without the system's decompressors: its own mount namespace hides them. */
const hideDecoders =
  'for library in $(ldconfig -p | sed -n "s/.*=> \\(.*\\(libisal\\|libzstd\\).*\\)/\\1/p"); do mount --bind /dev/null "$library"; done'

function davits({ reference, scratch, view, davit }: Where): readonly Peer[] {
  const root = `${davit} --root ${scratch}/davit`
  const pullTo = (snapshotter: string) =>
    `${root} pull --progress quiet --snapshotter ${snapshotter} ${reference} ${quiet}`
  const davitWith = (snapshotter: string): Peer => ({
    name: `davit ${snapshotter}`,
    probe: 'true',
    pull: pullTo(snapshotter),
    reset: `rm -rf ${scratch}/davit`,
    afterwards: {
      mount: `${root} mount ${reference} ${view}`,
      unmount: `${root} umount ${view}`,
      remove: `sh -c '${root} images rm ${reference} ${quiet} && ${root} gc ${quiet}'`,
    },
  })
  return [
    davitWith('erofs'),
    {
      name: 'davit erofs with zlib',
      probe: 'unshare --mount true',
      pull: `unshare --mount sh -c '${hideDecoders}; exec ${pullTo('erofs')}'`,
      reset: `rm -rf ${scratch}/davit`,
    },
    davitWith('overlayfs'),
    davitWith('native'),
    {
      name: 'davit unpack',
      probe: 'true',
      pull: `${root} unpack --progress quiet ${reference} ${scratch}/unpacked ${quiet}`,
      reset: `rm -rf ${scratch}/davit ${scratch}/unpacked`,
    },
  ]
}

function containerds({ reference, ctr, view }: Where): readonly Peer[] {
  // Its transfer service unpacks only for snapshotters that its configuration names.
  const containerdWith = (snapshotter: string, where = ''): Peer => ({
    name: `containerd ${snapshotter}`,
    probe: `${ctr} plugins ls id==${snapshotter} | grep -q ok`,
    pull: `${ctr} image pull ${where} --plain-http --snapshotter ${snapshotter} ${reference} ${quiet}`,
    reset: `${ctr} image rm --sync ${reference} ${quiet}`,
    afterwards: {
      mount: `${ctr} image mount --snapshotter ${snapshotter} ${reference} ${view} ${quiet}`,
      unmount: `${ctr} image unmount --snapshotter ${snapshotter} --rm ${view} ${quiet}`,
      remove: `${ctr} image rm --sync ${reference} ${quiet}`,
    },
  })
  return [containerdWith('overlayfs'), containerdWith('erofs', '--local')]
}

function others({ reference, scratch, davit, prefix, docker }: Where): readonly Peer[] {
  const podman = `${prefix}podman --root ${scratch}/podman --runroot ${scratch}/podman-run`
  const tars = `${davit} --root ${scratch}/tars`
  const diffIds = `${tars} config ${reference} | grep -o "\\"sha256:[0-9a-f]*\\"" | tr -d "\\"" | cut -d: -f2`
  return [
    {
      name: 'docker',
      probe: `${docker} version ${quiet}`,
      pull: `${docker} pull --quiet ${reference} ${quiet}`,
      reset: `${docker} image rm --force ${reference} ${quiet}`,
    },
    {
      name: 'podman',
      probe: `${podman} --version ${quiet}`,
      pull: `${podman} pull --quiet --tls-verify=false ${reference} ${quiet}`,
      reset: `${podman} rmi --force ${reference} ${quiet}`,
    },
    {
      name: 'skopeo + umoci',
      probe: `${prefix}skopeo --version ${quiet} && ${prefix}umoci --version ${quiet}`,
      pull: `sh -c '${prefix}skopeo copy --quiet --src-tls-verify=false docker://${reference} oci:${scratch}/layout:it && ${prefix}umoci unpack --image ${scratch}/layout:it ${scratch}/bundle ${quiet}'`,
      reset: `rm -rf ${scratch}/layout ${scratch}/bundle`,
    },
    {
      name: 'crane | tar',
      probe: `${prefix}crane version ${quiet}`,
      pull: `sh -c 'mkdir ${scratch}/crane && ${prefix}crane export --insecure ${reference} - | tar x -C ${scratch}/crane'`,
      reset: `rm -rf ${scratch}/crane`,
    },
    {
      name: 'GNU tar alone, of uncompressed layers',
      probe: 'tar --version',
      prepare: `${tars} pull --progress quiet --snapshotter erofs ${reference} ${quiet}; ${diffIds} > ${scratch}/layers`,
      pull: `sh -c 'mkdir ${scratch}/tar && while read -r layer; do tar xf ${scratch}/tars/blobs/sha256/$layer -C ${scratch}/tar; done < ${scratch}/layers'`,
      reset: `rm -rf ${scratch}/tar`,
    },
  ]
}
