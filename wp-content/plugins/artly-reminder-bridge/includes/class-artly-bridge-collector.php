<?php
/**
 * Gathers the balances of a source.
 *
 * @package Artly_Reminder_Bridge
 */

defined( 'ABSPATH' ) || exit;

/**
 * Walks through a source page by page and gives every balance in the form in which the server takes it.
 */
final class Artly_Bridge_Collector {

	/** Members a page: about 3 MB of memory, and few enough queries for a million members. */
	const PAGE_SIZE = 5000;

	/** Type of points that the server takes where none is named. */
	const DEFAULT_POINTS_TYPE = 'points';

	/**
	 * Where the balances are.
	 *
	 * @var Artly_Bridge_Source
	 */
	private Artly_Bridge_Source $source;

	/**
	 * Members a page.
	 *
	 * @var int
	 */
	private int $page_size;

	/**
	 * A collector for one source.
	 *
	 * @param Artly_Bridge_Source $source    Where the balances are.
	 * @param int                 $page_size Members a page.
	 */
	public function __construct( Artly_Bridge_Source $source, int $page_size = self::PAGE_SIZE ) {
		$this->source    = $source;
		$this->page_size = $page_size;
	}

	/**
	 * All balances, one at a time.
	 *
	 * @return Generator<int,array<string,mixed>,mixed,int> Returns how many there were.
	 */
	public function balances(): Generator {
		$count = 0;
		foreach ( $this->source->points_types() as $points_type ) {
			$extra = self::DEFAULT_POINTS_TYPE === $points_type ? array() : array( 'points_type' => $points_type );
			foreach ( $this->rows( $points_type ) as $row ) {
				yield $row + $extra;
				++$count;
			}
		}
		return $count;
	}

	/**
	 * The rows of one type of points, over all pages.
	 *
	 * @param string $points_type Type of points.
	 * @return Generator<int,array{wp_user_id:int,email:string,points_balance:string}>
	 * @throws Artly_Bridge_Read_Exception Where a source does not go on by ascending user id: it would never end.
	 */
	private function rows( string $points_type ): Generator {
		$after = 0;
		do {
			$page = $this->source->page( $points_type, $after, $this->page_size );
			foreach ( $page as $row ) {
				if ( $row['wp_user_id'] <= $after ) {
					throw new Artly_Bridge_Read_Exception( 'The source does not give its rows by ascending user id.' );
				}
				$after = $row['wp_user_id'];
				yield $row;
			}
		} while ( array() !== $page );
	}
}
