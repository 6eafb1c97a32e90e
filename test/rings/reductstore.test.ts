import test from 'node:test'
import { reductstore } from '../faults/systems/reductstore.ts'
import { need } from '../services/need.ts'
import { runRing } from './ring.ts'

test(
  'A10: two hubs that bridge each other over ReductStore see every message once',
  { skip: await need('reductstore') },
  () => runRing(reductstore),
)
