<?php
/**
 * The body of a start request.
 *
 * @package Artly_Reminder_Bridge
 */

defined( 'ABSPATH' ) || exit;

/**
 * A JSON array of balances, compressed while it grows: a million balances are about 80 MB of text but only the
 * compressed stream is ever held, so a host with 128 MB can send them.
 */
final class Artly_Bridge_Balance_Body {

	/** Text gathered before it is compressed: calling the compressor for every balance costs more time than it saves memory. */
	const CHUNK_BYTES = 65536;

	/** Past this level the text gets hardly smaller, and the time doubles. */
	const LEVEL = 4;

	/**
	 * State of the compressor; from PHP 8 on it is an object.
	 *
	 * @var resource
	 */
	private $deflate;

	/**
	 * Text not compressed yet.
	 *
	 * @var string
	 */
	private string $text = '';

	/**
	 * What is compressed.
	 *
	 * @var string
	 */
	private string $bytes = '';

	/**
	 * Number of balances added.
	 *
	 * @var int
	 */
	private int $count = 0;

	/**
	 * An empty array.
	 *
	 * @throws RuntimeException Where zlib gives no compressor.
	 */
	public function __construct() {
		$deflate = deflate_init( ZLIB_ENCODING_GZIP, array( 'level' => self::LEVEL ) );
		if ( false === $deflate ) {
			throw new RuntimeException( 'zlib gave no compressor' );
		}
		$this->deflate = $deflate;
	}

	/**
	 * Adds a balance as it is: judging it is the server's work, and it gives each refusal a reason.
	 *
	 * @param mixed $balance Usually array{wp_user_id:int, email:string, points_balance:string, points_type?:string}.
	 */
	public function add( $balance ): void {
		$json = wp_json_encode( $balance, JSON_UNESCAPED_SLASHES | JSON_INVALID_UTF8_SUBSTITUTE );
		// What JSON cannot say, such as NAN, must not become another number: null is refused by the server, in its place.
		$this->text .= ( 0 === $this->count ? '[' : ',' ) . ( false === $json ? 'null' : $json );
		++$this->count;
		if ( strlen( $this->text ) >= self::CHUNK_BYTES ) {
			$this->compress( ZLIB_NO_FLUSH );
		}
	}

	/**
	 * Number of balances added.
	 */
	public function count(): int {
		return $this->count;
	}

	/**
	 * Closes the array and gives the compressed body. To be called once, as the last call.
	 */
	public function finish(): string {
		$this->text .= 0 === $this->count ? '[]' : ']';
		$this->compress( ZLIB_FINISH );
		return $this->bytes;
	}

	/**
	 * Compresses the gathered text.
	 *
	 * @param int $flush Whether more is to come.
	 */
	private function compress( int $flush ): void {
		$this->bytes .= deflate_add( $this->deflate, $this->text, $flush );
		$this->text   = '';
	}
}
