/** How the kernel is to be asked; the shape of containerd's mounts. */
export interface Mount {
  readonly type: 'bind' | 'overlay' | 'erofs'
  /** Directory, image file, or `overlay`. */
  readonly source: string
  /** As mount(8) takes them: `ro`, `lowerdir=…` (nearest parent first). */
  readonly options: readonly string[]
}
