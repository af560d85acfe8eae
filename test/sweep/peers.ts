/** Tools beside davit that write and read images in files. Shell commands; see `Place` for what they are given. */
export interface Peer {
  readonly tool: string
  readonly format: string
  /** Succeeds where the tool is. */
  readonly probe: string
  readonly command: string
}

/** A reader: its command prints a line that has `sees` of the image in it. */
export interface Reader extends Peer {
  readonly sees: 'manifest' | 'config'
}

export interface Place {
  /** Of the image, in a registry that speaks plain HTTP. */
  readonly reference: string
  /** A directory that the tools see under the same name. */
  readonly scratch: string
  /** Goes before the tools' names: `chroot DIR `, or nothing. */
  readonly prefix: string
  /** containerd's client with its address. */
  readonly ctr: string
  /** docker's client with its address. */
  readonly docker: string
}

/** Those that write `scratch/TOOL-FORMAT`; their storage is emptied by `forget`. */
export function writers({ reference, scratch, prefix, ctr, docker }: Place): readonly Peer[] {
  const to = (tool: string, format: string, command: (out: string) => string, client = `${prefix}${tool}`): Peer => {
    return { tool, format, probe: probeOf(tool, client), command: command(`${scratch}/${tool}-${format}`) }
  }
  const storage = storageIn(scratch)
  const [skopeo, crane] = [
    `${prefix}skopeo copy -q --src-tls-verify=false docker://${reference}`,
    `${prefix}crane pull`,
  ]
  const podman = `${prefix}podman ${storage}`
  const buildah = `${prefix}buildah ${storage}`
  const pulled = `${podman} pull -q --tls-verify=false ${reference}`
  const built = `${buildah} pull -q --tls-verify=false ${reference}`
  return [
    ...['oci', 'oci-archive'].map(format => to('skopeo', format, out => `${skopeo} ${format}:${out}:it`)),
    to('skopeo', 'docker-archive', out => `${skopeo} docker-archive:${out}:it:1`),
    to('crane', 'oci', out => `${crane} --insecure --format oci ${reference} ${out}`),
    to('crane', 'tarball', out => `${crane} --insecure --format tarball ${reference} ${out}`),
    to('crane', 'legacy', out => `${crane} --insecure --format legacy ${reference} ${out}`),
    to('oras', 'oci', out => `${prefix}oras copy --from-plain-http ${reference} --to-oci-layout ${out}:it`),
    to(
      'oras',
      'backup',
      out => `${prefix}oras backup --plain-http --output ${out}.tar ${reference} && mv ${out}.tar ${out}`,
    ),
    ...['oci-dir', 'oci-archive', 'docker-archive'].map(format =>
      to('podman', format, out => `${pulled} && ${podman} save -q --format ${format} -o ${out} ${reference}`),
    ),
    ...['oci', 'oci-archive'].map(format =>
      to('buildah', format, out => `${built} && ${buildah} push -q ${reference} ${format}:${out}:it`),
    ),
    to('buildah', 'docker-archive', out => `${built} && ${buildah} push -q ${reference} docker-archive:${out}:it:1`),
    to(
      'containerd',
      'export',
      out => `${ctr} content fetch --plain-http ${reference} && ${ctr} image export ${out} ${reference}`,
      ctr,
    ),
    to('docker', 'save', out => `${docker} pull -q ${reference} && ${docker} save -o ${out} ${reference}`, docker),
  ]
}

/** Those that read `scratch/davit-FORMAT`, in which the image is called `davit.example/it:1`. */
export function readers({ reference, scratch, prefix, ctr, docker }: Place): readonly Reader[] {
  const of = (
    tool: string,
    format: string,
    sees: Reader['sees'],
    command: (path: string) => string,
    client = `${prefix}${tool}`,
  ): Reader => ({ tool, format, sees, probe: probeOf(tool, client), command: command(`${scratch}/davit-${format}`) })
  const storage = storageIn(scratch)
  const layouts = ['oci', 'oci-archive']
  const saved = ['docker-archive', 'docker-copied']
  // It reads files only to push them.
  const copy = `${reference}-by-crane`
  const pushed = (path: string) => `${prefix}crane push --insecure ${path} ${copy} >/dev/null`
  return [
    ...layouts.map(format =>
      of('skopeo', format, 'manifest', path => `${prefix}skopeo inspect --format "{{.Digest}}" ${format}:${path}:1`),
    ),
    ...saved.map(format =>
      of('skopeo', format, 'config', path => `${prefix}skopeo inspect --raw docker-archive:${path}`),
    ),
    of('umoci', 'oci', 'config', path => `${prefix}umoci stat --json --image ${path}:1`),
    of('crane', 'oci', 'manifest', path => `${pushed(path)} && ${prefix}crane digest --insecure ${copy}`),
    ...saved.map(format =>
      of('crane', format, 'config', path => {
        return `${pushed(path)} && ${prefix}crane config --insecure ${copy} | sha256sum`
      }),
    ),
    of('oras', 'oci', 'manifest', path => `${prefix}oras manifest fetch --descriptor --oci-layout ${path}:1`),
    ...layouts.map(format =>
      of('podman', format, 'config', path => `${prefix}podman ${storage} pull -q ${format}:${path}:1`),
    ),
    ...saved.map(format =>
      of('podman', format, 'config', path => {
        const podman = `${prefix}podman ${storage}`
        return `${podman} load -q -i ${path} && ${podman} image inspect --format "{{.Id}}" davit.example/it:1`
      }),
    ),
    ...layouts.map(format =>
      of('buildah', format, 'config', path => `${prefix}buildah ${storage} pull -q ${format}:${path}:1`),
    ),
    ...['oci-archive', ...saved].map(format =>
      of(
        'containerd',
        format,
        format === 'oci-archive' ? 'manifest' : 'config',
        path =>
          `${ctr} image import --no-unpack ${path} && ${ctr} image ls name==davit.example/it:1 && ${ctr} content ls`,
        ctr,
      ),
    ),
    ...saved.map(format =>
      of(
        'docker',
        format,
        'config',
        path => `${docker} load -q -i ${path} && ${docker} image inspect --format "{{.Id}}" davit.example/it:1`,
        docker,
      ),
    ),
  ]
}

/** What the tools have stored outside of `scratch` goes. Run in a shell; failures don't count. */
export function forget({ reference, scratch, prefix, ctr, docker }: Place): string {
  const names = `${reference} davit.example/it:1`
  return [
    `${prefix}podman ${storageIn(scratch)} rmi --all --force`,
    `${docker} image rm --force ${names}`,
    `${ctr} image rm --sync ${names}`,
  ].join('; ')
}

function storageIn(scratch: string): string {
  return `--root ${scratch}/storage --runroot ${scratch}/storage-run`
}

function probeOf(tool: string, client: string): string {
  return `${client} ${tool === 'crane' || tool === 'containerd' || tool === 'docker' || tool === 'oras' ? 'version' : '--version'}`
}
