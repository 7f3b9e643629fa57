/** The settings of where products are searched. */
import { servers, text } from '../setting.ts'
import type { SettingsReader } from './secret.ts'

export type SearchConfig =
  /** In a thread of this process. */
  | { readonly index: 'embedded' }
  /** Nodes of one Typesense; each has what the others have. */
  | { readonly index: 'typesense'; readonly urls: readonly string[]; readonly apiKey: string }

export const searchSettings = {
  typesenseUrl: {
    ...servers('TYPESENSE_URL', {
      meaning: 'Typesense server that is searched, or several nodes of one, separated by commas',
      example: 'http://10.0.0.5:8108',
      fallbackText: 'none: products are searched within this process',
    }),
    // Somebody may have put a password into it.
    secret: true,
  },
  typesenseApiKey: {
    ...text('TYPESENSE_API_KEY', /^[\x21-\x7e]{1,500}$/, undefined, {
      expected: 'up to 500 visible ASCII characters',
      meaning: 'Its key, which may make, drop and alias collections',
      example: '"$(openssl rand -hex 24)"',
      fallbackText: 'none; required where `TYPESENSE_URL` is set',
    }),
    secret: true,
  },
  typesenseApiKeyFile: text('TYPESENSE_API_KEY_FILE', /^[^\0]{1,4000}$/, undefined, {
    expected: 'a path',
    meaning: 'File that holds it, instead',
    example: '/run/secrets/typesense_api_key',
    fallbackText: 'none',
  }),
}

export function readSearch({ take, secret, report }: SettingsReader, warnings: string[]): SearchConfig {
  const { typesenseUrl, typesenseApiKey: value, typesenseApiKeyFile: file } = searchSettings
  const urls = take(typesenseUrl)
  const key = secret({ value, file })
  if (key.type === 'given' && !value.schema.safeParse(key.text).success) {
    report(key.source, `${key.text.length} characters, not shown`, value.expected)
  }
  if (urls.length === 0) {
    if (key.type === 'given') {
      warnings.push(
        'TYPESENSE_API_KEY is set and TYPESENSE_URL is not: products are searched within this process.',
      )
    }
    return { index: 'embedded' }
  }
  if (key.type === 'absent') report(value, 'nothing', 'set where TYPESENSE_URL is set, or its file named')
  return { index: 'typesense', urls, apiKey: key.type === 'given' ? key.text : '' }
}
