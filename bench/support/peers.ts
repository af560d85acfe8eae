/** Who can bring an image from a registry to a mountable root file system, and how. Shell commands, run as root. */
export interface Peer {
  readonly name: string
  /** Succeeds when the peer is installed. */
  readonly probe: string
  /** From nothing to a root file system that can be mounted or entered. */
  readonly pull: string
  /** Back to nothing, not timed. */
  readonly reset: string
}

export interface Where {
  readonly reference: string
  /** A directory for stores and results; the peers see it under the same name. */
  readonly scratch: string
  /** davit's command line. */
  readonly davit: string
  /** Goes before the peers' names: `chroot DIR `, or nothing. */
  readonly prefix: string
  /** containerd's client with its address. */
  readonly ctr: string
}

export function peers({ reference, scratch, davit, prefix, ctr }: Where): readonly Peer[] {
  const quiet = '>/dev/null'
  const davitWith = (snapshotter: string): Peer => ({
    name: `davit ${snapshotter}`,
    probe: 'true',
    pull: `${davit} --root ${scratch}/davit pull --progress quiet --snapshotter ${snapshotter} ${reference} ${quiet}`,
    reset: `rm -rf ${scratch}/davit`,
  })
  const podman = `${prefix}podman --root ${scratch}/podman --runroot ${scratch}/podman-run`
  return [
    davitWith('erofs'),
    davitWith('overlayfs'),
    davitWith('native'),
    {
      name: 'containerd overlayfs',
      probe: `${ctr} version ${quiet}`,
      pull: `${ctr} image pull --plain-http --snapshotter overlayfs ${reference} ${quiet}`,
      reset: `${ctr} image rm --sync ${reference} ${quiet}`,
    },
    {
      name: 'skopeo + umoci',
      probe: `${prefix}skopeo --version ${quiet} && ${prefix}umoci --version ${quiet}`,
      pull: `sh -c '${prefix}skopeo copy --quiet --src-tls-verify=false docker://${reference} oci:${scratch}/layout:it && ${prefix}umoci unpack --image ${scratch}/layout:it ${scratch}/bundle ${quiet}'`,
      reset: `rm -rf ${scratch}/layout ${scratch}/bundle`,
    },
    {
      name: 'podman',
      probe: `${podman} --version ${quiet}`,
      pull: `${podman} pull --quiet --tls-verify=false ${reference} ${quiet}`,
      reset: `${podman} rmi --force ${reference} ${quiet}`,
    },
    {
      name: 'crane | tar',
      probe: `${prefix}crane version ${quiet}`,
      pull: `sh -c 'mkdir ${scratch}/crane && ${prefix}crane export --insecure ${reference} - | tar x -C ${scratch}/crane'`,
      reset: `rm -rf ${scratch}/crane`,
    },
  ]
}
