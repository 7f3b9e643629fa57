/** The shapes of what people say of themselves, and of what they are told. */
import { z } from 'zod'
import { isCountryCode } from '../domain/countries.ts'
import {
  emailLengthMax,
  passwordLengthMax,
  passwordLengthMin,
  personNameLengthMax,
} from '../limits/account-limits.ts'
import { userRoles } from '../persistence/tables/accounts/user.ts'
import { plainText, time } from './schemas.ts'

const BLANK = /^\s*$/
const TOKEN_LENGTH_MAX = 512
const notBlank = (text: string) => !BLANK.test(text)

function line(lengthMax: number) {
  return plainText(lengthMax).refine(notBlank, { error: 'must not be blank' })
}

const personName = line(personNameLengthMax).meta({ example: 'Ann Lee' })
const email = z
  .string()
  .max(emailLengthMax)
  .pipe(z.email({ error: 'must be an e-mail address' }))
  .meta({
    description: 'Two that differ in case alone are the same.',
    example: 'ann@example.com',
    override: { type: 'string', format: 'email', maxLength: emailLengthMax },
  })
/** What was once set may be any; what it is compared with is bounded all the same. */
const knownPassword = z.string().min(1).max(passwordLengthMax)
const newPassword = z.string().min(passwordLengthMin).max(passwordLengthMax).meta({
  description:
    'Any characters, of any kinds; not one that everybody tries first, and more than the name or e-mail.',
  example: 'seven herons at dawn',
})
const refreshToken = z.string().min(1).max(TOKEN_LENGTH_MAX)

export const registerBody = z
  .strictObject({ name: personName, email, password: newPassword })
  .meta({ id: 'RegisterRequest' })

export const loginBody = z.strictObject({ email, password: knownPassword }).meta({ id: 'LoginRequest' })

export const refreshBody = z.strictObject({ refreshToken }).meta({ id: 'RefreshRequest' })

export const logoutBody = z
  .strictObject({
    refreshToken: refreshToken.optional().meta({
      description: 'Ends the session it is of; where there is none, that of the access token ends.',
    }),
  })
  .meta({ id: 'LogoutRequest' })

export const profileBody = z
  .strictObject({
    name: personName.optional(),
    email: email.optional(),
    password: newPassword.optional().meta({ description: 'A new one. All other sessions end.' }),
    currentPassword: knownPassword
      .optional()
      .meta({ description: 'Needed where `email` or `password` is given.' }),
  })
  .refine(({ name, email, password }) => [name, email, password].some((each) => each !== undefined), {
    error: 'must change something: name, email or password',
  })
  .refine(
    ({ email, password, currentPassword }) =>
      currentPassword !== undefined || (email === undefined && password === undefined),
    { error: 'is needed for a new e-mail or password', path: ['currentPassword'] },
  )
  .meta({ id: 'ProfileChange' })

export const roleBody = z.strictObject({ role: z.enum(userRoles) }).meta({ id: 'RoleChange' })

const country = z
  .string()
  .length(2)
  .refine(isCountryCode, { error: 'must be a country’s code of ISO 3166-1, such as DE' })
  .meta({ example: 'DE', override: { type: 'string', pattern: '^[A-Z]{2}$' } })

const addressFields = {
  name: line(128).meta({ description: 'Who lives there.', example: 'Ann Lee' }),
  line1: line(256).meta({ example: 'Hafenstraße 7' }),
  line2: line(256).optional(),
  city: line(128).meta({ example: 'Bremen' }),
  region: line(128).optional().meta({ description: 'State, province or county, where there are any.' }),
  postalCode: line(32).meta({ example: '28195' }),
  country,
  phone: z
    .string()
    .regex(/^\+?[0-9 ()./-]{3,31}$/, { error: 'must be a telephone number' })
    .optional()
    .meta({ example: '+49 421 5550123' }),
}

export const addressBody = z.strictObject(addressFields).meta({ id: 'AddressRequest' })
export const addressReply = z
  .strictObject({ id: z.string().meta({ example: 'adr_01K5ZC4N8XQ2M7V3H9R6T1B0DW' }), ...addressFields })
  .meta({ id: 'Address' })
export const addressesReply = z.strictObject({ addresses: z.array(addressReply) }).meta({ id: 'Addresses' })

export const userReply = z
  .strictObject({
    id: z.string().meta({ example: 'usr_01K5ZC4N8XQ2M7V3H9R6T1B0DW' }),
    name: z.string(),
    email: z.string(),
    role: z.enum(userRoles),
    createdAt: time,
  })
  .meta({ id: 'User' })

export const signInReply = z
  .strictObject({
    user: userReply,
    accessToken: z.string().meta({ description: 'For `Authorization: Bearer`. A JWT (RFC 9068).' }),
    refreshToken: z.string().meta({ description: 'Good once, for the next pair of tokens.' }),
    expiresIn: z.int().meta({ description: 'Seconds for which the access token is good.', example: 900 }),
  })
  .meta({ id: 'SignedIn' })

export const jwksReply = z
  .strictObject({ keys: z.array(z.looseObject({ kid: z.string(), kty: z.string() })) })
  .meta({ id: 'JsonWebKeySet' })
