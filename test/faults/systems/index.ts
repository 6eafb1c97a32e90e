import type { FarSystem } from '../far-system.ts'
import { file } from './file.ts'
import { kafka } from './kafka.ts'

/** Every system whose bridge is put to the test. */
export const systems: readonly FarSystem[] = [kafka, file]
