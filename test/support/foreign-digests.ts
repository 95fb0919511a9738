/** A digest that another system made, and the password it was made of. */
export interface Vector {
  digest: string
  password: string
}

/** What systems other than this service publish, or make, by the name of the file that reads them. */
export const vectors = {
  bcrypt: [
    // Openwall's crypt_blowfish, as passlib 1.7.4 lists them too.
    { password: 'U*U', digest: '$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW' },
    { password: 'U*U*', digest: '$2a$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK' },
    { password: 'U*U*U', digest: '$2a$05$XXXXXXXXXXXXXXXXXXXXXOAcXxm9kjPGEMsLznoKqmqw7tc8WCx4a' },
    { password: '', digest: '$2a$05$CCCCCCCCCCCCCCCCCCCCC.7uG0VCzI2bS7j6ymqJi9CdcdxiRTWNy' },
    { password: '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789chars after 72 are ignored', digest: '$2a$05$abcdefghijklmnopqrstuu5s2v8.iXieOjg/.AySBTTZIIVFJeBui' },
    // From passlib 1.7.4: two bytes above 127, which a faulty implementation got wrong; in UTF-8 they are this letter.
    { password: '\u0451', digest: '$2y$05$6bNw2HLQYeqHYyBfLMsv/OUcZd0LKP39b87nBw3.S2tVZSqiQX6eu' },
    // Made with Debian's python3-bcrypt 3.2.2.
    { password: 'correct horse', digest: '$2b$06$AeACcjALK8AWxGQEwvYQGum.KMJSSoyhsiahxyqAiXGeCNdLDnQ8a' }
  ],
  argon2: [
    // The test of the reference implementation, phc-winner-argon2.
    { password: 'password', digest: '$argon2i$m=65536,t=2,p=1$c29tZXNhbHQ$9sTbSlTio3Biev89thdrlKKiCaYsjjYVJxGAL3swxpQ' },
    { password: 'password', digest: '$argon2i$m=256,t=2,p=2$c29tZXNhbHQ$tsEVYKap1h6scGt5ovl9aLRGOqOth+AMB+KwHpDFZPs' },
    { password: 'password', digest: '$argon2i$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$wWKIMhR9lyDFvRz9YTZweHKfbftvj+qf+YFY4NeBbtA' },
    { password: 'password', digest: '$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc' },
    // From passlib 1.7.4; the password has letters of one to three bytes.
    { password: 't\u00e1\u0411\u2113\u0259', digest: '$argon2i$v=19$m=512,t=2,p=2$1sV0O4PWLtc12Ypv1f7oGw$z+yqzlKtrq3SaNfXDfIDnQ' },
    // The tests of a Unix crypt library, librecrypt.
    { password: '', digest: '$argon2d$v=16$m=8,t=1,p=1$ICAgICAgICA$X54KZYxUSfMUihzebb70sKbheabHilo8gsUldrVU4IU' },
    { password: '\0', digest: '$argon2id$v=16$m=8,t=1,p=1$ICAgICAgICA$fXq1aUbp9yhbn+EQc4AzUUE6AKnHAkvzIXsN6J4ukvE' }
  ],
  pbkdf2: [
    // Django's own tests, of several releases.
    { password: 'l\u00e8tmein', digest: 'pbkdf2_sha256$600000$seasalt2$OSllgFdJjYQjb0RfMzrx8u0XYl4Fkt+wKpI1yq4lZlo=' },
    { password: 'l\u00e8tmein', digest: 'pbkdf2_sha256$20000$seasalt2$Flpve/uAcyo6+IFI6YAhjeABGPVbRQjzHDxRhqxewgw=' },
    { password: 'l\u00e8tmein', digest: 'pbkdf2_sha1$260000$seasalt2$wAibXvW6jgvatCdONi6SMJ6q7mI=' },
    // Made with Debian's python3-django 3.2.25, by a hasher whose digest is SHA-512.
    { password: 'l\u00e8tmein', digest: 'pbkdf2_sha512$1000$seasalt2$2vloCDKLWoVpw/us5ql8RvhWxVBCliGZdisWJcceHD0tteOqsfZWK9ahddjUrZKhv64BeqfOrlnaRVz4iDQl6w==' },
    // Made with Debian's python3-werkzeug 2.2.2.
    { password: 'l\u00e8tmein', digest: 'pbkdf2:sha256:1000$mShbn8nBiKjUQ67R$ba2c38d1d77edd4ce568793bcec2190165e5ad1c909ae7cedbdf5b5a122b99d7' },
    { password: 'l\u00e8tmein', digest: 'pbkdf2:sha1:1000$aOikrbyq6PqSrUz8$3f48432e2ce7e58051c6578ee934ffe98b5893ea' },
    { password: 'l\u00e8tmein', digest: 'pbkdf2:sha512:1000$iHMjNOA3VAqBQRVn$6b0dd726741b1725b3debf36a5056a6d98f2ba110ddc149afd01e4f1eb0e44ca01ef973931f25c1cce9c307423b532fd8ed644b62734d1983c9a4dc66c141e1f' },
    // passlib 1.7.4's own tests.
    { password: 'password', digest: '$pbkdf2$1212$OB.dtnSEXZK8U5cgxU/GYQ$y5LKPOplRmok7CZp/aqVDVg8zGI' },
    { password: 'password', digest: '$pbkdf2-sha256$1212$4vjV83LKPjQzk31VI4E0Vw$hsYF68OiOUPdDZ1Fg.fJPeq1h/gXXY7acBp9/6c.tmQ' },
    { password: 'password', digest: '$pbkdf2-sha512$1212$RHY0Fr3IDMSVO/RSZyb5ow$eNLfBK.eVozomMr.1gYa17k9B7KIK25NOEshvhrSX.esqY3s.FvWZViXz4KoLlQI.BzY/YTNJOiKc5gBYFYGww' }
  ],
  aspnet: [
    // ASP.NET Core Identity's own tests: version 2, then version 3 of each hash function.
    { password: 'my password', digest: 'AAABAgMEBQYHCAkKCwwNDg+ukCEMDf0yyQ29NYubggHIVY0sdEUfdyeM+E1LtH1uJg==' },
    { password: 'my password', digest: 'AQAAAAAAAAD6AAAAEAhftMyfTJylOlZT+eEotFXd1elee8ih5WsjXaR3PA9M' },
    { password: 'my password', digest: 'AQAAAAEAA9CQAAAAIESkQuj2Du8Y+kbc5lcN/W/3NiAZFEm11P27nrSN5/tId+bR1SwV8CO1Jd72r4C08OLvplNlCDc3oQZ8efcW+jQ=' },
    { password: 'my password', digest: 'AQAAAAIAAAAyAAAAEOMwvh3+FZxqkdMBz2ekgGhwQ4B6pZWND6zgESBuWiHw' },
    { password: 'my password', digest: 'AQAAAAIAAAD6AAAAIJbVi5wbMR+htSfFp8fTw8N8GOS/Sje+S/4YZcgBfU7EQuqv4OkVYmc4VJl9AGZzmRTxSkP7LtVi9IWyUxX8IAAfZ8v+ZfhjCcudtC1YERSqE1OEdXLW9VukPuJWBBjLuw==' },
    { password: 'my password', digest: 'AQAAAAIAAYagAAAAEAABAgMEBQYHCAkKCwwNDg/Q8A0WMKbtHQJQ2DHCdoEeeFBrgNlldq6vH4qX/CGqGQ==' }
  ],
  scrypt: [
    // RFC 7914, section 12, as passlib 1.7.4 writes it, and in Werkzeug's form, whose tags are as long as the RFC's.
    { password: '', digest: '$scrypt$ln=4,r=1,p=1$$d9ZXYjhleyA7GcpCwYoEl/FrSETjB0ro39/6P+3iFEI' },
    { password: 'password', digest: '$scrypt$ln=10,r=8,p=16$TmFDbA$/bq+HJ00cgB4VucZDQHp/nxq18vII3gw53N2Y0s3MWI' },
    { password: 'pleaseletmein', digest: '$scrypt$ln=14,r=8,p=1$U29kaXVtQ2hsb3JpZGU$cCO9yzr9c0hGHAbNgf046/2o+7qQT44+qbVD9lRdofI' },
    { password: 'pleaseletmein', digest: 'scrypt:16384:8:1$SodiumChloride$7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2d5432955613f0fcf62d49705242a9af9e61e85dc0d651e40dfcf017b45575887' },
    // passlib 1.7.4's own tests.
    { password: 'nacl', digest: '$scrypt$ln=1,r=4,p=2$yhnD+J+Tci4lZCwFgHCuVQ$fAsEWmxSHuC0cHKMwKVFPzrQukgvK09Sj+NueTSxKds' }
  ],
  firebase: [
    // The example of firebase/scrypt's README, whose signer key is no secret.
    { password: 'user1password', digest: '$fbscrypt$v=1,n=14,r=8,p=1,ss=Bw==,sk=jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA==$42xEC+ixf3L2lw==$lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+VHjoZilo78198JAdRuid5lQ==' },
    // The test of Supabase's importer.
    { password: 'mytestpassword', digest: '$fbscrypt$v=1,n=14,r=8,p=1,ss=Bw==,sk=ou9tdYTGyYm8kuR6Dt0Bp0kDuAYoXrK16mbZO4yGwAn3oLspjnN0/c41v8xZnO1n14J3MjKj1b2g6AUCAlFwMw==$C0sHCg9ek77hsg==$zKVTMvnWVw5BBOZNUdnsalx4c4c7y/w7IS5p6Ut2+CfEFFlz37J9huyQfov4iizN8dbjvEJlM5tQaJP84+hfTw==' }
  ]
} satisfies Record<string, Vector[]>

const salt = 'c29tZSBzYWx0IGhlcmUhIQ'
const tag = 'MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE'
const hex = '0123456789abcdef'.repeat(8)
const key = `${'A'.repeat(86)}==`
/** A record of ASP.NET Core Identity, version 3. */
const record = (hash: number, iterations: number, saltLength: number, length = 61) => {
  const bytes = Buffer.alloc(length, 7)
  bytes[0] = 1
  for (const [index, number] of [hash, iterations, saltLength].entries()) bytes.writeUInt32BE(number, 1 + 4 * index)
  return bytes.toString('base64')
}

/** Digests that must not be worked on, by the name of the file that would: malformed, or dearer than the bounds. */
export const hostile: Record<keyof typeof vectors, string[]> = {
  bcrypt: [
    ...['15', '20', '31', '32', '99', '03', '00', '5', '005', '-5', ' 5', '1e'].map((cost) => `$2b$${cost}$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW`),
    ...['2', '2x', '2c', '2B', '3b', '2bb'].map((version) => `$${version}$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW`),
    '$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOe', '$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeWW', '$2b$05$CCCCCCCCCCCCCCCCCCCCC', '$2b$05$', '$2b$05$CCCCCCCCCCCCCCCCCCCC\0.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW',
    '$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW\n', ' $2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW', '$2b$05$CCCCCCCCCCCCCCCCCCCCC+E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW'
  ],
  argon2: [
    ...['m=262145,t=2,p=1', 'm=4194304,t=2,p=1', 'm=19456,t=11,p=1', 'm=19456,t=4294967295,p=1', 'm=19456,t=2,p=5', 'm=7,t=1,p=1', 'm=31,t=1,p=4', 'm=19456,t=0,p=1', 'm=19456,t=2,p=0', 'm=-1,t=2,p=1', 'm=19456,t=2', 'm=19456,t=2,p=1,data=AAAA', 'm=19456,t=2,p=1,keyid=AAAAAAAA']
      .map((parameters) => `$argon2i$v=19$${parameters}$${salt}$${tag}`),
    `$argon2i$v=18$m=19456,t=2,p=1$${salt}$${tag}`, `$argon2x$v=19$m=19456,t=2,p=1$${salt}$${tag}`, `$argon2i$v=19$m=19456,t=2,p=1$c2FsdA$${tag}`, `$argon2i$v=19$m=19456,t=2,p=1$${salt}$dGFn`, `$argon2i$v=19$m=19456,t=2,p=1$${salt}`
  ],
  pbkdf2: [
    ...['2000001', '9999999', '99999999999', '0', '-1', '1e3', '', '1.5'].flatMap((iterations) => [
      `pbkdf2_sha256$${iterations}$seasalt2$${tag}=`, `pbkdf2:sha256:${iterations}$seasalt2$${hex.slice(64)}`, `$pbkdf2-sha256$${iterations}$${salt}$${tag}`
    ]),
    `pbkdf2_md5$1000$seasalt2$${tag}=`, `pbkdf2_sha1$1000$seasalt2$${tag}=`, `pbkdf2_sha512$1000$seasalt2$${tag}=`, `pbkdf2_sha256$1000$$${tag}=`, `pbkdf2_sha256$1000$${'a'.repeat(129)}$${tag}=`, `pbkdf2_sha256$1000$sea$salt$${tag}=`,
    `pbkdf2:sha256$seasalt2$${hex.slice(64)}`, `pbkdf2:sha256:1000$seasalt2$${hex}`, `pbkdf2:sha256:1000$seasalt2$${hex.slice(65)}`, `pbkdf2:md5:1000$seasalt2$${hex.slice(96)}`, `$pbkdf2-sha224$1000$${salt}$${tag}`, `$pbkdf2$1000$${salt}$${tag}`, `$pbkdf2-sha256$1000$${salt}$${tag}$`
  ],
  aspnet: [
    // Its own tests of failure: too short, and too long.
    'AAABAgMEBQYHCAkKCwwNDg+ukCEMDf0yyQ29NYubggE=', 'AAABAgMEBQYHCAkKCwwNDg+ukCEMDf0yyQ29NYubggHIVY0sdEUfdyeM+E1LtH1uJgAAAAAAAAAAAAA=', 'AQAAAAIAAAAyAAAAEOMwvh3+FZxqkdMBz2ekgGhwQ4A=',
    record(3, 1000, 16), record(4_294_967_295, 1000, 16), record(1, 0, 16), record(1, 2_000_001, 16), record(1, 4_294_967_295, 16), record(0, 1_000_001, 16), record(1, 1000, 15), record(1, 1000, 0), record(1, 1000, 4_294_967_295), record(1, 1000, 33), record(1, 1000, 16, 120), record(1, 1000, 16, 300),
    Buffer.alloc(49, 2).toString('base64'), `${record(1, 1000, 16)}=`, record(1, 1000, 16).replace('AQ', '$Q')
  ],
  scrypt: [
    ...['ln=19,r=8,p=1', 'ln=18,r=9,p=1', 'ln=18,r=8,p=3', 'ln=14,r=8,p=17', 'ln=17,r=8,p=5', 'ln=31,r=8,p=1', 'ln=63,r=8,p=1', 'ln=99,r=999,p=999', 'ln=0,r=8,p=1', 'ln=14,r=0,p=1', 'ln=14,r=8,p=0', 'ln=16,r=1,p=1', 'ln=10,r=134217728,p=8', 'ln=10,r=A,p=1', 'ln=10,r=1', 'r=8,ln=14,p=1', 'ln=-1,r=8,p=1']
      .map((parameters) => `$scrypt$${parameters}$${salt}$${tag}`),
    ...['524288:8:1', '32768:8:17', '9999999:8:1', '16385:8:1', '0:8:1', '1:8:1', '65536:1:1', '32768:8', '32768:0:1', '32768:8:0', '-2:8:1'].map((parameters) => `scrypt:${parameters}$salt$${hex}`),
    `$scrypt$ln=14,r=8,p=1$${salt}$dGFn`, `$scrypt$ln=14,r=8,p=1$${salt}`, `scrypt:32768:8:1$$${hex}`, `scrypt:32768:8:1$salt$${hex.slice(2)}`, `scrypt:32768:8:1$${'a'.repeat(129)}$${hex}`, 'scrypt$salt$16384$8$1$aGFzaA=='
  ],
  firebase: [
    ...['n=19,r=8', 'n=31,r=8', 'n=99,r=8', 'n=0,r=8', 'n=14,r=0', 'n=18,r=99', 'n=16,r=1', 'n=-1,r=8'].map((parameters) => `$fbscrypt$v=1,${parameters},p=1,ss=Bw==,sk=${key}$c2FsdA==$${key}`),
    `$fbscrypt$v=2,n=14,r=8,p=1,ss=Bw==,sk=${key}$c2FsdA==$${key}`, `$fbscrypt$v=1,n=14,r=8,p=2,ss=Bw==,sk=${key}$c2FsdA==$${key}`, `$fbscrypt$v=1,n=14,r=8,p=1,sk=${key}$c2FsdA==$${key}`, `$fbscrypt$v=1,n=14,r=8,p=1,ss=Bw==$c2FsdA==$${key}`,
    `$fbscrypt$v=1,n=14,r=8,p=1,ss=Bw==,sk=${key}$$${key}`, `$fbscrypt$v=1,n=14,r=8,p=1,ss=Bw==,sk=${key}$c2FsdA==$aGFzaA==`, `$fbscrypt$v=1,n=14,r=8,p=1,ss=Bw==,sk=${key}$c2FsdA==$${'A'.repeat(43)}=`, `$fbscrypt$v=1,n=14,r=8,p=1,ss=Bw==,sk=a2V5$c2FsdA==$aGFzaA==`
  ]
}
