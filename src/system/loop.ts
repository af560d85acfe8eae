import { closeSync, openSync } from 'node:fs'
import { errnoOf } from '../errors.ts'
import { openSys } from './sys/linux.ts'

// Numbers and layouts of loop(4) and linux/loop.h.
const LOOP_CTL_GET_FREE = 0x4c82
const LOOP_CONFIGURE = 0x4c0a
const LO_FLAGS_READ_ONLY = 1
const LO_FLAGS_AUTOCLEAR = 4
/** struct loop_config: descriptor, block size, struct loop_info64, reserved. */
const CONFIG_BYTES = 304
const CONFIG_INFO = 8
const INFO_FLAGS = 52
const SECTOR_BYTES = 512

/** Others may take the free device that the kernel named; each time a new one is named. */
const MAX_TRIES = 20

/** A file as a read-only block device. It goes when its last user does. */
export interface LoopDevice {
  readonly path: string
  /** Holds the device until something is mounted from it. */
  close(): void
}

/** Attaches an open file. Errors: the kernel's; EACCES without privilege, ENOENT without loop devices. */
export function attachLoop(file: number): LoopDevice {
  const sys = openSys()
  const control = openSync('/dev/loop-control', 'r+')
  try {
    for (let tries = 1; ; tries++) {
      const path = `/dev/loop${sys.ioctl(control, LOOP_CTL_GET_FREE, 0)}`
      const device = openSync(path, 'r+')
      const config = Buffer.alloc(CONFIG_BYTES)
      config.writeUInt32LE(file, 0)
      config.writeUInt32LE(SECTOR_BYTES, 4)
      config.writeUInt32LE(LO_FLAGS_READ_ONLY | LO_FLAGS_AUTOCLEAR, CONFIG_INFO + INFO_FLAGS)
      try {
        sys.ioctl(device, LOOP_CONFIGURE, config)
        return { path, close: () => closeSync(device) }
      } catch (error) {
        closeSync(device)
        if (errnoOf(error) !== 'EBUSY' || tries === MAX_TRIES) throw error
      }
    }
  } finally {
    closeSync(control)
  }
}
