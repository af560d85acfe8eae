/** Namespaces that Linux knows; an attribute outside them can't be set. */
const namespaces = ['user.', 'trusted.', 'security.', 'system.']

/** What would act on the host instead of describing the file. */
const dropped = ['security.selinux', 'security.ima', 'security.evm', 'system.nfs4_acl']

/** Overlay state: forged, it redirects, hides or reveals files of other layers. */
const droppedPrefixes = ['trusted.overlay.', 'user.overlay.']

/** Where rootless unpackers write down the owners that they can't give. Source: rootlesscontaine.rs. */
export const ownerRecordName = 'user.rootlesscontainers'

/** True when a layer may give its files the extended attribute `name`, its bytes as a latin1 string. */
export function isLayerXattr(name: string): boolean {
  return name !== ownerRecordName && keepXattr(name)
}

/** True when an image's extended attribute `name`, likewise, belongs into a root file system. */
export function keepXattr(name: string): boolean {
  if (!namespaces.some(prefix => name.startsWith(prefix) && name.length > prefix.length)) return false
  return !dropped.includes(name) && !droppedPrefixes.some(prefix => name.startsWith(prefix))
}
