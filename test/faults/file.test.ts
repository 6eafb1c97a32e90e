import test from 'node:test'
import { shortFaults } from './short.ts'
import { file } from './systems/file.ts'

test('A1 A3 A4: the hub is killed under load, and no line is lost, twice or out of order', (t) => shortFaults(t, file))
