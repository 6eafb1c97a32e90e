import { TrestleError } from '../../contract/error.ts'
import { editPasswordFile } from '../../hub/password-file.ts'
import { printSafe } from '../human.ts'
import { newVerb, printJson, type VerbContext } from '../verb.ts'

interface Options {
  remove?: boolean
  json?: boolean
}

/** `trestle passwd`: sets or removes a user of the file that `access.users` names. */
export function verb({ terminal }: VerbContext) {
  return newVerb(
    'passwd',
    'Sets the password of a user in a file of users (`access.users`); the password is the first line of standard input.',
    'trestle passwd config/passwd press-1 < password.txt\ntrestle passwd config/passwd press-1 --remove',
  )
    .argument('<file>', 'the file; it is made when it is not there')
    .argument('<name>', 'the user')
    .option('--remove', 'take the user out')
    .option('--json', 'print JSON for programs')
    .action(async (file: string, name: string, { remove, json }: Options) => {
      const password = remove
        ? null
        : Buffer.from(await terminal.read())
            .toString('utf8')
            .split(/\r?\n/)[0]!
      if (password === '') throw new TrestleError('E703', 'standard input has no password')
      const done = await editPasswordFile(file, name, password)
      terminal.out(
        json
          ? printJson({ user: name, [done]: true })
          : `${printSafe(name)} is ${done}; \`trestle reload\` tells a running hub\n`,
      )
    })
}
