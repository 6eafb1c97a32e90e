import { faultTest } from './short.ts'
import { file } from './systems/file.ts'

faultTest(file)
